//! A drawing in the making: the few shapes that plots need, as SVG 1.1. Pure.

use std::fmt::Write as _;

/// Colours and lines of every plot, for light and dark paper alike: dark text on a light sheet of its own.
const STYLE: &str = "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:13px;fill:#1f2933}\
.title{font-size:17px;font-weight:600}.note{font-size:12px;fill:#616e7c}.tick{font-size:12px;fill:#616e7c}\
.grid{stroke:#e4e7eb;stroke-width:1}.axis{stroke:#9aa5b1;stroke-width:1}.box{fill:#cfe2f5}\
.dot{fill:#2f6db3;fill-opacity:.62}.broken{fill:#c81e1e;fill-opacity:.85}.median{stroke:#0b3c70;stroke-width:2.5}\
.limit{stroke:#c81e1e;stroke-width:2}.promised{stroke:#c81e1e;stroke-width:1.5;stroke-dasharray:6 4}.band{fill:#f7f9fb}";

/// Which side of its point a text lies on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.put(&format!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.put(&format!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#));
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        self.put(&format!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" class="{class}"/>"#
        ));
    }

    /// A dot that tells its value where the reader points at it.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), class: &str, hint: &str) {
        let hint = escape(hint);
        self.put(&format!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" class="{class}"><title>{hint}</title></circle>"#
        ));
    }

    /// A dot of a colour of its own.
    pub(super) fn mark(&mut self, (x, y): (f64, f64), colour: &str, hint: &str) {
        let hint = escape(hint);
        self.put(&format!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}" fill-opacity="0.6"><title>{hint}</title></circle>"#
        ));
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(&format!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            points.join(" ")
        ));
    }

    pub(super) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\">\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }

    fn put(&mut self, shape: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{shape}");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_element() {
        assert_eq!(escape("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
    }
}
