// Holds each dashboard of the command line against Grafana's own types, made into a JSON schema by `make tools`, and
// against what makes it portable. Prints every mistake; exit 1 if there is one.
//   node tests/dashboards/check.mjs TOOLS dashboards/*.json
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const [tools, ...files] = process.argv.slice(2);
const require = createRequire(resolve(tools, 'x.js'));
const Ajv = require('ajv').default;
const shapes = JSON.parse(readFileSync(resolve(tools, 'shapes.json'), 'utf8')).definitions.Shapes.properties;
const ajv = new Ajv({ strict: false, allErrors: true });
const validators = Object.fromEntries(Object.entries(shapes).map(([name, schema]) => [name, ajv.compile(schema)]));

let mistakes = 0;
const mistake = (where, what) => {
  mistakes += 1;
  console.log(`${where}: ${what}`);
};
const hold = (where, name, value) => {
  const valid = validators[name];
  if (!valid) mistake(where, `no shape for ${name}`);
  else if (!valid(value))
    for (const error of valid.errors) mistake(where, `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
};

const seen = new Map();
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const dashboard = JSON.parse(text);
  if (JSON.stringify(dashboard, null, 2) + '\n' !== text) mistake(file, 'not formatted as JSON.stringify(…, null, 2)');
  hold(file, 'dashboard', dashboard);
  for (const panel of dashboard.panels.filter((panel) => panel.type !== 'row')) {
    const where = `${file}: ${panel.title}`;
    hold(`${where}: options`, panel.type, panel.options);
    const custom = `${panel.type} field`;
    const fields = panel.fieldConfig.defaults.custom;
    if (validators[custom]) hold(`${where}: custom`, custom, fields);
    else if (fields) mistake(where, `a ${panel.type} has no custom field options`);
  }
  if ('id' in dashboard) mistake(file, 'an id belongs to one Grafana');
  if (seen.has(dashboard.uid)) mistake(file, `the uid of ${seen.get(dashboard.uid)}`);
  seen.set(dashboard.uid, file);
  portable(file, dashboard);
  laid(file, dashboard.panels);
}
process.exit(mistakes ? 1 : 0);

/** Every data source is the variable. */
function portable(where, value) {
  if (value === null || typeof value !== 'object') return;
  if (value.datasource && value.datasource.uid !== '${datasource}') mistake(where, `data source ${JSON.stringify(value.datasource)}`);
  for (const [key, inner] of Object.entries(value)) portable(`${where}.${key}`, inner);
}

/** Within 24 columns, nothing over another. */
function laid(file, panels) {
  const taken = new Map();
  for (const { title, gridPos } of panels) {
    if (gridPos.x + gridPos.w > 24) mistake(`${file}: ${title}`, 'beyond 24 columns');
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        const cell = `${x},${y}`;
        if (taken.has(cell)) return mistake(`${file}: ${title}`, `lies over ${taken.get(cell)}`);
        taken.set(cell, title);
      }
  }
}
