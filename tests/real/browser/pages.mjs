// Every page, wide and narrow, light and dark: nothing that a page must not do, nothing that axe-core finds, every link
// answers. PATHS: JSON list of [name, path, status].
import { axeFinds, base, check, done, inspect, open, reader, shot } from "./support.mjs";

const paths = JSON.parse(process.env.PATHS);
const links = new Set();
let passes = 0;

for (const [width, scheme] of [[1280, "light"], [360, "dark"], [360, "light"], [1280, "dark"]]) {
  const page = await reader({ width, scheme });
  for (const [name, path, status] of paths) {
    const where = `${path} at ${width} px, ${scheme}`;
    await open(page, path, status);
    await inspect(page, where);
    // The same tree at the other width or in the other scheme: contrast and layout are looked at in two of the four.
    if ((width === 1280) === (scheme === "light")) passes += await axeFinds(page, where);
    await shot(page, `${name}-${width}-${scheme}`);
    // What is seen without scrolling: the picture of the README is this one.
    if (name === "start" && width === 1280) await shot(page, `fold-${scheme}`, false);
    const found = await page.evaluate(() =>
      [...document.querySelectorAll("a[href]:not([href^='#']), link[href], script[src]")].map((one) => one.href || one.src));
    for (const link of found) links.add(link);
  }
  await page.context().close();
}
check(passes > 100, `axe looked at something: ${passes}`);

// A list of 100 tokens links to 100 pages that are alike.
const page = await reader();
const alike = new Map();
for (const link of links) {
  // Where the configuration leads people; a browser asks there only when somebody clicks.
  if (link.startsWith("https://wiki.example.com/")) continue;
  check(link.startsWith(base + "/"), `a link leaves the site: ${link}`);
  const kind = link.slice(base.length).replace(/^\/t\/.*/, "/t/").replace(/day=.*/, "day");
  const seen = alike.get(kind) ?? 0;
  alike.set(kind, seen + 1);
  if (seen >= 12) continue;
  const answer = await page.request.get(link, { failOnStatusCode: false });
  check(answer.status() < 400, `${link}: ${answer.status()}`);
}
check(alike.size > 10, `links were found: ${alike.size}`);
await done();
