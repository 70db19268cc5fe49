// Asks a Prometheus what each panel of a dashboard asks, as Grafana would: variables put in, instant or range. Gives one
// object per dashboard, ready for paint.jsx. Knows nothing of forewarn.
import { readFileSync } from 'node:fs';

/** `variables`: name → value, `.*` for "all". */
export async function ask(prometheus, file, variables) {
  const dashboard = JSON.parse(readFileSync(file, 'utf8'));
  const to = Math.floor(Date.now() / 1000);
  const span = { now: 0, h: 3600, d: 86400 };
  const [, count, unit] = dashboard.time.from.match(/^now-(\d+)([hd])$/);
  // The test's Prometheus is minutes old: the last ten show what there is.
  const from = Math.max(to - Number(count) * span[unit], to - 600);
  const filled = { ...variables, __rate_interval: '1m' };
  const fill = (text) => text.replace(/\$\{?(\w+)\}?/g, (all, name) => filled[name] ?? all);
  const panels = [];
  for (const panel of dashboard.panels) {
    const results = [];
    for (const target of panel.targets ?? []) {
      const url = new URL(target.instant ? '/api/v1/query' : '/api/v1/query_range', prometheus);
      url.searchParams.set('query', fill(target.expr));
      if (target.instant) url.searchParams.set('time', to);
      else for (const [key, value] of Object.entries({ start: from, end: to, step: 2 })) url.searchParams.set(key, value);
      const answer = await (await fetch(url)).json();
      if (answer.status !== 'success') throw new Error(`${file}: ${panel.title}: ${answer.error}`);
      results.push({ target, series: answer.data.result });
    }
    panels.push({ panel, results });
  }
  return { title: dashboard.title, variables, templating: dashboard.templating.list, links: dashboard.links, from, to, panels };
}
