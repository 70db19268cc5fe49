// A headless Chromium that tells everything a page must not do: console errors, violations of the policy, requests to
// other hosts, a planted script that ran, a page wider than its window. Failures are collected and end the process with 1.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const tools = createRequire(process.env.BROWSER_TOOLS + "/");
const { chromium } = tools("playwright-core");
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

export const base = process.env.BASE;
const shots = process.env.SHOTS;
const failures = [];

export function check(fine, text) {
  if (!fine) failures.push(text);
}

// Playwright gives it an empty profile and removes it at the end.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A context of its own: `width`, `scheme`, `script: false`, `zone`. */
export async function reader({ width = 1280, scheme = "light", script = true, zone = "Europe/Berlin" } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 780 : 900 },
    colorScheme: scheme,
    javaScriptEnabled: script,
    timezoneId: zone,
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(event.violatedDirective + " " + event.blockedURI);
    });
  });
  const origin = new URL(base).origin;
  page.on("console", (message) => {
    // A page that is refused is said to be an error by the browser itself.
    const refused = /status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !refused) failures.push(`${page.url()}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => failures.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== origin) failures.push(`${page.url()} asks ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    failures.push(`${page.url()}: a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

export async function open(page, path, status = 200) {
  const answer = await page.goto(base + path);
  check(answer.status() === status, `${path}: ${answer.status()}, expected ${status}`);
  const policy = answer.headers()["content-security-policy"] ?? "";
  check(policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'") && !policy.includes("unsafe"),
    `${path}: the policy is ${policy}`);
}

/** What every page owes its readers. */
export async function inspect(page, where) {
  const found = await page.evaluate(() => ({
    pwned: window.__pwned,
    violations: window.violations,
    wide: document.documentElement.scrollWidth - window.innerWidth,
    h1: document.querySelectorAll("h1").length,
    landmarks: ["header", "nav", "main", "footer"].filter((name) => !document.querySelector(name)),
    title: document.title,
    heads: [...document.querySelectorAll("th:not([scope])")].length,
    captions: [...document.querySelectorAll("table:not(:has(caption))")].length,
  }));
  check(found.pwned === undefined, `${where}: a planted script ran`);
  check(found.violations.length === 0, `${where}: against the policy: ${found.violations.join(", ")}`);
  check(found.wide <= 0, `${where}: ${found.wide} px wider than its window`);
  check(found.h1 === 1, `${where}: ${found.h1} h1`);
  check(found.landmarks.length === 0, `${where}: no ${found.landmarks.join(", ")}`);
  check(found.title.endsWith("forewarn"), `${where}: title ${found.title}`);
  check(found.heads === 0 && found.captions === 0, `${where}: a th without scope or a table without caption`);
}

/** axe-core, run by the debugger, so that the page's own policy stays as it is. */
export async function axeFinds(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  for (const one of found.violations) {
    const nodes = one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ");
    failures.push(`${where}: axe ${one.id}: ${one.help}: ${nodes}`);
  }
  return found.passes.length;
}

export async function shot(page, name, full = true) {
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: full });
}

export async function done() {
  await browser.close();
  for (const failure of failures) console.log("FAIL " + failure);
  if (failures.length > 0) process.exit(1);
  console.log("all is well");
}
