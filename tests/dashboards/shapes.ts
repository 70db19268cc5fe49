// The shapes that a dashboard is held against: Grafana's own types of a dashboard, and of the panels used here.
import type { Dashboard } from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type { Options as BarGauge } from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type { Options as Stat } from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type {
  FieldConfig as TimelineField,
  Options as Timeline,
} from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type {
  FieldConfig as TableField,
  Options as Table,
} from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type {
  FieldConfig as GraphField,
  Options as Graph,
} from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

export interface Shapes {
  dashboard: Dashboard;
  bargauge: BarGauge;
  stat: Stat;
  'state-timeline': Timeline;
  table: Table;
  timeseries: Graph;
  'state-timeline field': TimelineField;
  'table field': Partial<TableField>;
  'timeseries field': GraphField;
}
