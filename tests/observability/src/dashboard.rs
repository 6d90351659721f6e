//! A dashboard in few words, and the JSON that Grafana 10 and later reads (schema version 39).

use serde_json::{Value, json};

/// Columns of Grafana's grid.
pub const COLUMNS: u64 = 24;
const HEIGHT: u64 = 8;
/// The data source is chosen in Grafana.
const SOURCE: &str = "${datasource}";

/// How a panel shows its queries.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Lines over time.
    Lines,
    /// The value of now, red from this value on.
    Below(f64),
    /// The value of now, green from this value on.
    AtLeast(f64),
    /// The value of now.
    Number,
    /// Rows of now.
    Table,
}

#[derive(Clone, Debug)]
pub struct Panel {
    pub title: &'static str,
    pub kind: Kind,
    /// Of Grafana: `s`, `reqps`, `percentunit`, `short`, `bytes`.
    pub unit: &'static str,
    /// In columns of [`COLUMNS`].
    pub width: u64,
    /// Expression and legend.
    pub queries: Vec<(&'static str, &'static str)>,
}

/// A variable of the dashboard: name, title, and the query of its values.
pub type Variable = (&'static str, &'static str, &'static str);

#[derive(Clone, Debug)]
pub struct Dashboard {
    pub uid: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub variables: Vec<Variable>,
    /// Rows: title and panels.
    pub rows: Vec<(&'static str, Vec<Panel>)>,
}

impl Dashboard {
    /// Every expression, those of variables included.
    pub fn expressions(&self) -> Vec<String> {
        let panels = self.rows.iter().flat_map(|(_, panels)| panels);
        let queries = panels.flat_map(|panel| panel.queries.iter().map(|(expression, _)| *expression));
        // label_values(metric, label)
        let variables = self.variables.iter().map(|(_, _, query)| {
            query
                .trim_start_matches("label_values(")
                .split(',')
                .next()
                .unwrap_or_default()
        });
        queries.chain(variables).map(str::to_owned).collect()
    }

    pub fn json(&self) -> Value {
        let (mut panels, mut id, mut y) = (Vec::new(), 0_u64, 0_u64);
        let mut next = || {
            id += 1;
            id
        };
        for (title, row) in &self.rows {
            panels.push(json!({
                "id": next(), "type": "row", "title": title, "collapsed": false, "panels": [],
                "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
            }));
            y += 1;
            let mut x = 0;
            for panel in row {
                if x + panel.width > COLUMNS {
                    (x, y) = (0, y + HEIGHT);
                }
                let place = json!({ "x": x, "y": y, "w": panel.width, "h": HEIGHT });
                panels.push(panel.json(next(), place));
                x += panel.width;
            }
            y += HEIGHT;
        }
        let source = json!({
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0,
            "current": {}, "options": [], "refresh": 1, "regex": "", "multi": false, "includeAll": false,
        });
        let variables = self.variables.iter().map(|(name, label, query)| {
            json!({
                "name": name, "label": label, "type": "query", "datasource": { "type": "prometheus", "uid": SOURCE },
                "query": { "query": query, "refId": name }, "definition": query, "refresh": 2, "sort": 1, "hide": 0,
                "current": {}, "options": [], "regex": "", "multi": true, "includeAll": true, "allValue": ".*",
            })
        });
        let variables: Vec<Value> = std::iter::once(source).chain(variables).collect();
        json!({
            "uid": self.uid, "title": self.title, "description": self.description, "tags": ["dmp"],
            "schemaVersion": 39, "version": 1, "editable": true, "graphTooltip": 1, "refresh": "30s",
            "time": { "from": "now-3h", "to": "now" }, "timezone": "browser",
            "templating": { "list": variables }, "annotations": { "list": [] }, "links": [], "panels": panels,
        })
    }
}

impl Panel {
    fn json(&self, id: u64, place: Value) -> Value {
        let instant = !matches!(self.kind, Kind::Lines);
        let table = matches!(self.kind, Kind::Table);
        let targets: Vec<Value> = (b'A'..=b'Z')
            .zip(&self.queries)
            .map(|(letter, (expression, legend))| {
                json!({
                    "refId": char::from(letter).to_string(), "expr": expression, "legendFormat": legend,
                    "instant": instant, "range": !instant, "format": if table { "table" } else { "time_series" },
                    "datasource": { "type": "prometheus", "uid": SOURCE },
                })
            })
            .collect();
        let step = |color: &str, from: Option<f64>| json!({ "color": color, "value": from });
        let steps = match self.kind {
            Kind::Below(red) => vec![step("green", None), step("red", Some(red))],
            Kind::AtLeast(green) => vec![step("red", None), step("green", Some(green))],
            _ => vec![step("text", None)],
        };
        let (kind, options) = match self.kind {
            Kind::Lines => (
                "timeseries",
                json!({
                    "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                }),
            ),
            Kind::Table => ("table", json!({ "showHeader": true })),
            _ => (
                "stat",
                json!({
                    "colorMode": "value", "graphMode": "none", "textMode": "auto",
                    "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                }),
            ),
        };
        json!({
            "id": id, "type": kind, "title": self.title, "gridPos": place, "targets": targets, "options": options,
            "datasource": { "type": "prometheus", "uid": SOURCE },
            "fieldConfig": {
                "defaults": { "unit": self.unit, "thresholds": { "mode": "absolute", "steps": steps } },
                "overrides": [],
            },
        })
    }
}
