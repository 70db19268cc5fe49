// Pictures of dashboards: asks a Prometheus, paints with Grafana's components in headless Chromium, writes PNG files.
//   node tests/dashboards/pictures.mjs TOOLS PROMETHEUS OUT LABEL '{"pipeline":"deploy-prod"}' dashboards/*.json
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ask } from './ask.mjs';

const [tools, prometheus, out, label, chosen, ...files] = process.argv.slice(2);
const esbuild = createRequire(resolve(tools, 'x.js'))('esbuild');
const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
try {
  await esbuild.build({
    entryPoints: [new URL('paint.jsx', import.meta.url).pathname], outfile: join(folder, 'paint.js'), bundle: true, jsx: 'automatic',
    nodePaths: [resolve(tools, 'node_modules')], define: { global: 'window', 'process.env.NODE_ENV': '"production"' }, logLevel: 'error',
    loader: { '.svg': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.png': 'dataurl', '.gif': 'dataurl', '.ttf': 'dataurl' },
  });
  mkdirSync(out, { recursive: true });
  for (const file of files) {
    const asked = await ask(prometheus, file, { collector: '.*', team: '.*', ...JSON.parse(chosen) });
    for (const dark of [false, true]) {
      const name = `${label}-${basename(file, '.json')}${dark ? '-dark' : ''}`;
      shoot(name, { dark, dashboard: asked });
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

function shoot(name, data) {
  const page = join(folder, `${name}.html`), picture = resolve(out, `${name}.png`);
  const inert = JSON.stringify(data).replaceAll('<', '\\u003c');
  writeFileSync(page, `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="paint.css"><body style="margin:0"><div id="root"></div>
<script>window.DASHBOARD = ${inert}; window.process = { env: {} };</script><script src="paint.js"></script>`);
  const rows = Math.max(...data.dashboard.panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  rmSync(picture, { force: true });
  const loud = process.env.VERBOSE ? ['--enable-logging=stderr'] : [];
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--virtual-time-budget=8000', `--user-data-dir=${join(folder, 'profile')}`];
  execFileSync('chromium', [...flags, ...loud, '--allow-file-access-from-files', `--window-size=1624,${rows * 38 + 110}`, `--screenshot=${picture}`, `file://${page}`], {
    stdio: process.env.VERBOSE ? 'inherit' : 'ignore', timeout: 120_000,
  });
  console.log(picture, statSync(picture).size);
}
