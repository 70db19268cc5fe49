// What people do with the pages: filter with a script and without, walk by keyboard, poll now, read times in their zone.
import { base, check, done, inspect, open, reader, shot } from "./support.mjs";

const rows = (page) => page.locator("table.tokens tbody tr:visible").count();

async function filters() {
  for (const script of [true, false]) {
    const page = await reader({ script });
    await open(page, "/tokens");
    const all = await rows(page);
    check(all === 100, `one page of the list: ${all} rows`);
    if (script) {
      await page.locator("#filter").pressSequentially("renovate");
      const narrowed = await rows(page);
      check(narrowed >= 1 && narrowed < all, `typing narrows the rows at once: ${narrowed}`);
      check((await page.locator("main p[role=status]").textContent()).includes("Enter"), "and says so");
      await page.locator("#filter").fill("");
      check(await rows(page) === all, "an empty box shows all again");
    }
    await page.locator("#filter").fill("name=bot-0000* team=shop");
    await page.locator("#filter").press("Enter");
    await page.waitForURL("**/tokens?q=**");
    const found = await rows(page);
    check(found > 1 && found < 100, `filter words, script ${script}: ${found} rows`);
    check(await page.locator("#filter").inputValue() === "name=bot-0000* team=shop", "the box keeps the words");
    await page.goto(base + "/tokens");
    await page.locator("nav.pager a[rel=next]").first().click();
    check(new URL(page.url()).searchParams.get("offset") === "100", `the next rows: ${page.url()}`);
    check(await rows(page) === 100, "a second page of rows");
    await page.goto(base + "/");
    await page.locator(".month a").first().click();
    await page.waitForURL("**/tokens?day=**");
    check((await page.locator("h1").textContent()).startsWith("What ends on"), "a figure opens the list of that day");
    if (script) await inspect(page, "the list of a day");
    await page.context().close();
  }
}

async function keyboard() {
  const page = await reader();
  await open(page, "/");
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop skips to the content");
  check(await page.locator(".skip").evaluate((one) => one.getBoundingClientRect().top >= 0), "and is seen then");
  await page.keyboard.press("Enter");
  check(await page.evaluate(() => document.activeElement.id) === "main", "and leads there");
  await open(page, "/");
  const stops = [];
  for (let n = 0; n < 400; n += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === document.body) return null;
      const style = getComputedStyle(one);
      return { name: (one.getAttribute("aria-label") || one.textContent || one.name || "").trim().slice(0, 60),
        seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1, box: one.getBoundingClientRect().width };
    });
    if (stop === null) break;
    stops.push(stop);
  }
  check(stops.length > 20 && stops.length < 400, `the walk ends: ${stops.length} stops`);
  check(stops.every((stop) => stop.seen), `focus is seen: ${JSON.stringify(stops.find((stop) => !stop.seen))}`);
  check(stops.every((stop) => stop.name !== ""), "every stop has a name");
  await page.context().close();
}

async function polls() {
  for (const script of [true, false]) {
    const page = await reader({ script });
    const collector = script ? "vault" : "vendor";
    await open(page, `/c/${collector}`);
    const before = await page.locator("details.poll").count();
    check(before >= 1, `the first poll of ${collector} stands there: ${before}`);
    await page.getByRole("button", { name: "Poll now" }).click();
    await page.waitForURL("**/c/*?poll=*");
    // Ten seconds lie between the starts of two polls; after them the page is read again.
    for (let n = 0; n < 12 && await page.locator("details.poll").count() === before; n += 1) {
      await page.waitForTimeout(1000);
      await page.goto(`${base}/c/${collector}?poll=done`);
    }
    check((await page.locator(".notice").textContent()).includes("has polled"), "what happened is said");
    check(await page.locator("details.poll").count() === before + 1, "and the poll stands first");
    if (collector === "vault") {
      const path = await page.locator("details.poll[open] td.path").first().textContent();
      check(path.includes("/v1/"), `request by request: ${path}`);
      await shot(page, "polled");
      await page.getByRole("button", { name: "Poll now" }).click();
      await page.waitForURL("**/c/*?poll=just_asked");
      await inspect(page, "polled twice");
    }
    await page.context().close();
  }
  // A page of another site has the reader's credentials, but not forewarn's own origin.
  const page = await reader();
  await page.goto("about:blank");
  await page.setContent(`<form method="post" action="${base}/c/vendor/poll"><button>Win a prize</button></form>`);
  const [answer] = await Promise.all([page.waitForNavigation(), page.getByRole("button").click()]);
  check(answer.status() === 403, `a form of another site: ${answer.status()}`);
  await page.context().close();
}

async function times() {
  const page = await reader({ zone: "America/New_York" });
  await open(page, "/tokens");
  const time = page.locator("td.when time").first();
  const said = await time.textContent();
  check(said.endsWith("UTC"), `times are UTC: ${said}`);
  check((await time.getAttribute("title")) !== "", "the reader's zone is in the title");
  await page.getByRole("button", { name: "times in America/New_York" }).click();
  check(await time.textContent() !== said, "and on demand in the text");
  check(await time.getAttribute("title") === said, "UTC is in the title then");
  await page.reload();
  check(await page.locator("td.when time").first().textContent() !== said, "the choice is kept");
  await page.context().close();
}

await filters();
await keyboard();
await polls();
await times();
await done();
