// Paints a dashboard with Grafana's own components from what ask.mjs was answered (window.DASHBOARD): frames,
// transformations, field configuration, units, stats, tables and graphs are Grafana's. The plug-in of the state timeline
// is not published for others, so its bars are drawn here with Grafana's own mapping of values to text and colour.
import { createRoot } from 'react-dom/client';
import { useEffect, useState } from 'react';
import {
  FieldType, ThemeContext, applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, getDisplayProcessor, getFieldDisplayName,
  getFieldDisplayValues, identityOverrideProcessor, numberOverrideProcessor, standardEditorsRegistry,
  standardFieldConfigEditorRegistry, standardTransformers, standardTransformersRegistry, stringOverrideProcessor,
  toDataFrame, transformDataFrame,
} from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

const { dark, dashboard } = window.DASHBOARD;
const theme = createTheme({ colors: { mode: dark ? 'dark' : 'light' } });
const range = { from: dateTime(dashboard.from * 1000), to: dateTime(dashboard.to * 1000), raw: { from: 'now-10m', to: 'now' } };
const CELL = { width: 1600 / 24, height: 38 };

const property = (id, path, process = identityOverrideProcessor) => ({
  id, path, name: id, process, shouldApply: () => true, override: () => null, editor: () => null, settings: {},
});
const standard = ['unit', 'decimals', 'min', 'max', 'displayName', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const processes = { decimals: numberOverrideProcessor, min: numberOverrideProcessor, max: numberOverrideProcessor, displayName: stringOverrideProcessor };
// The options of panel plug-ins that are set here, under `custom`.
const customs = [
  'width', 'minWidth', 'align', 'cellOptions', 'filterable', 'inspect', 'hideFrom', 'drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity',
  'gradientMode', 'showPoints', 'pointSize', 'spanNulls', 'stacking', 'thresholdsStyle', 'axisPlacement', 'axisLabel', 'axisColorMode',
  'axisBorderShow', 'axisSoftMax', 'barAlignment', 'scaleDistribution',
];
const properties = [
  ...standard.map((id) => property(id, id, processes[id])),
  ...customs.map((id) => ({ ...property(`custom.${id}`, id), isCustom: true })),
];
const find = (id) => properties.find((one) => one.id === id);
const registry = { list: () => properties, get: find, getIfExists: find };
standardEditorsRegistry.setInit(() => []);
standardFieldConfigEditorRegistry.setInit(() => properties);
standardTransformersRegistry.setInit(() =>
  ['organize', 'merge', 'calculateField', 'sortBy', 'filterFieldsByName'].map((name) => {
    const transformer = Object.values(standardTransformers).find((one) => one.id === name);
    return { id: name, name, transformation: async () => transformer, editor: () => null, imageDark: '', imageLight: '' };
  }),
);

const number = (text) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

/** What Grafana's Prometheus data source makes of an answer. */
function frames({ target, series }, several) {
  if (target.format === 'table') {
    if (!series.length) return [];
    const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
    return [toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: series.map(({ value }) => value[0] * 1000) },
        ...labels.map((name) => ({ name, type: FieldType.string, values: series.map(({ metric }) => metric[name] ?? '') })),
        { name: several ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: series.map(({ value }) => number(value[1])) },
      ],
    })];
  }
  return series.map(({ metric, value, values = [value] }) => {
    const legend = target.legendFormat?.replace(/\{\{(\w+)\}\}/g, (_, name) => metric[name] ?? '').trim();
    const config = legend ? { displayNameFromDS: legend } : {};
    return toDataFrame({
      refId: target.refId, name: legend,
      fields: [
        { name: 'Time', type: FieldType.time, config: { interval: 2000 }, values: values.map(([at]) => at * 1000) },
        { name: 'Value', type: FieldType.number, labels: metric, config, values: values.map(([, text]) => number(text)) },
      ],
    });
  });
}

function useFrames({ panel, results }) {
  const [done, set] = useState(null);
  useEffect(() => {
    const raw = results.flatMap((result) => frames(result, results.length > 1));
    transformDataFrame(panel.transformations ?? [], raw).subscribe((data) => {
      const ready = applyFieldOverrides({
        data, fieldConfig: panel.fieldConfig, theme, timeZone: 'utc', fieldConfigRegistry: registry,
        replaceVariables: (text) => text,
      });
      cacheFieldDisplayNames(ready);
      set(ready);
    });
  }, []);
  return done;
}

function Nothing({ panel, width, height }) {
  const style = { width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', color: theme.colors.text.secondary };
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

function Stats({ panel, data, width, height }) {
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, theme, data, timeZone: 'utc',
    replaceVariables: (text) => text, sparkline: false,
  });
  return (
    <div style={{ display: 'flex' }}>
      {values.map(({ display }, nth) => (
        <BigValue key={nth} value={display} theme={theme} width={width / values.length} height={height}
          {...panel.options} textMode={values.length > 1 || panel.options.textMode !== 'auto' ? panel.options.textMode : 'value'} />
      ))}
    </div>
  );
}

function Timeline({ panel, data, width, height }) {
  const left = 160, line = Math.min(34, (height - 30) / Math.max(1, data.length)), end = dashboard.to * 1000, start = dashboard.from * 1000;
  const place = (at) => left + ((at - start) / (end - start)) * (width - left - 10);
  const shown = data.slice(0, panel.options.perPage ?? data.length);
  const legend = new Map();
  const rows = shown.map((frame, row) => {
    const [time, field] = frame.fields;
    const display = getDisplayProcessor({ field, theme });
    const bars = [];
    for (let at = 0; at < frame.length; at += 1) {
      const { text, color } = display(field.values[at]);
      legend.set(text, color);
      const until = time.values[at + 1] ?? end;
      const last = bars.at(-1);
      if (last?.text === text) last.until = until;
      else bars.push({ text, color, from: time.values[at], until });
    }
    const y = row * line;
    return (
      <g key={row}>
        <text x={left - 10} y={y + line / 2 + 4} textAnchor="end" fill={theme.colors.text.secondary} fontSize="12">{getFieldDisplayName(field, frame, data)}</text>
        {bars.map((bar, nth) => (
          <g key={nth}>
            <rect x={place(bar.from)} y={y + line * 0.08} width={Math.max(1, place(bar.until) - place(bar.from))} height={line * 0.84} fill={bar.color} fillOpacity="0.75" />
            {place(bar.until) - place(bar.from) > 60 && <text x={place(bar.from) + 6} y={y + line / 2 + 4} fill={theme.colors.text.maxContrast} fontSize="12">{bar.text}</text>}
          </g>
        ))}
      </g>
    );
  });
  return (
    <div>
      <svg width={width} height={height - 24}>{rows}</svg>
      <div style={{ fontSize: 12, paddingLeft: 8 }}>{[...legend].map(([text, color]) => <span key={text} style={{ marginRight: 14 }}><span style={{ background: color, display: 'inline-block', width: 14, height: 4, marginRight: 6, verticalAlign: 'middle' }} />{text}</span>)}</div>
    </div>
  );
}

function Body({ asked, width, height }) {
  const { panel } = asked;
  const data = useFrames(asked);
  if (!data) return null;
  if (!data.some((frame) => frame.length)) {
    return <Nothing {...{ panel, width, height }} />;
  }
  switch (panel.type) {
    case 'stat':
      return <Stats {...{ panel, data, width, height }} />;
    case 'table':
      return <TableNG data={data[0]} {...{ width, height }} noHeader={!panel.options.showHeader} cellHeight={panel.options.cellHeight}
        sortBy={panel.options.sortBy} enablePagination={panel.options.enablePagination} fieldConfig={panel.fieldConfig} timeRange={range} enableVirtualization={false} structureRev={1} />;
    case 'timeseries':
      return <TimeSeries frames={data} {...{ width, height }} timeRange={range} timeZone="utc" legend={panel.options.legend} options={panel.options} />;
    case 'state-timeline':
      return <Timeline {...{ panel, data, width, height }} />;
    default:
      throw new Error(`nothing paints a ${panel.type}`);
  }
}

function Panel({ asked }) {
  const { panel } = asked, { x, y, w, h } = panel.gridPos;
  const at = { position: 'absolute', left: x * CELL.width + 4, top: y * CELL.height + 4 };
  const size = { width: w * CELL.width - 8, height: h * CELL.height - 8 };
  if (panel.type === 'row') return <div style={{ ...at, ...size, fontSize: 18, fontWeight: 500, lineHeight: '30px' }}>⌄ {panel.title}</div>;
  return (
    <div style={at}>
      <PanelChrome title={panel.title} description={panel.description} {...size}>
        {(width, height) => <Body {...{ asked, width, height }} />}
      </PanelChrome>
    </div>
  );
}

function Dashboard() {
  const chosen = dashboard.templating.map(({ name, label }) => `${label}: ${dashboard.variables[name] === '.*' ? 'All' : (dashboard.variables[name] ?? 'default')}`);
  const last = Math.max(...dashboard.panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={{ eventsScope: 'all', eventBus: { getStream: () => ({ subscribe: () => ({ unsubscribe() {} }), pipe: () => ({ subscribe: () => ({ unsubscribe() {} }) }) }), publish() {} } }}>
        <div style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary, padding: 12, width: 1624 }}>
          <h3>{dashboard.title}</h3>
          <p style={{ color: theme.colors.text.secondary }}>{chosen.join(' · ')} · links: {dashboard.links.map(({ title }) => title).join(', ')}</p>
          <div style={{ position: 'relative', height: last * CELL.height }}>{dashboard.panels.map((asked, nth) => <Panel key={nth} asked={asked} />)}</div>
        </div>
      </PanelContextProvider>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById('root')).render(<Dashboard />);
