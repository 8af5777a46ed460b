//! Places of the labels of limits in a chart: where nothing else is drawn.

/// Width of a letter of a label, in view box units. Labels are bold.
const LETTER: f64 = 7.2;
/// Height of a label above and below its base line.
const ASCENT: f64 = 10.0;
const DESCENT: f64 = 3.0;
/// Free space around a label.
const SPACE: f64 = 2.5;
/// Distance of the base line of a label from its limit, for a label above and below it.
const ABOVE: f64 = -7.0;
const BELOW: f64 = 15.0;
/// Step of the search along and across a limit.
const STEP: f64 = 6.0;

/// A line between two points, x and y in view box units.
pub(super) type Segment = [(f64, f64); 2];

/// A rectangle: left, top, right and bottom, in view box units.
type Frame = [f64; 4];

/// What is drawn already.
#[derive(Debug, Clone, Default)]
pub(super) struct Occupied {
    segments: Vec<Segment>,
    frames: Vec<Frame>,
}

/// A limit that wants a label.
pub(super) struct Wanted {
    /// Left and right end of its line, and its height, in view box units.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) y: f64,
    /// Its label, from the longest text to the shortest.
    pub(super) texts: Vec<String>,
}

/// A label with the start of its base line, and the line that leads to its limit if it stands away from it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) at: (f64, f64),
    pub(super) leader: Option<Segment>,
}

impl Occupied {
    /// These lines, and no label yet.
    pub(super) const fn by(segments: Vec<Segment>) -> Self {
        Self { segments, frames: Vec::new() }
    }

    /// Finds a place for a label between `top` and `bottom`, and takes it. A place at the limit is better than a longer text; a
    /// place away from it is better than one across other marks. If all places have marks, the one with the fewest is taken.
    /// `None` if the limit is shorter than its shortest text.
    pub(super) fn place(&mut self, limit: &Wanted, (top, bottom): (f64, f64)) -> Option<Label> {
        let heights = |is_near: bool| -> Vec<f64> {
            if is_near {
                return vec![ABOVE, BELOW];
            }
            let steps = ((bottom - top) / STEP) as usize;
            (1..=steps).flat_map(|step| [ABOVE - step as f64 * STEP, BELOW + step as f64 * STEP]).collect()
        };
        let mut best: Option<(usize, Label)> = None;
        for is_near in [true, false] {
            for text in &limit.texts {
                let width = text.chars().count() as f64 * LETTER;
                let room = limit.to - limit.from - width - 8.0;
                if room < 0.0 {
                    continue;
                }
                for dy in heights(is_near) {
                    let y = limit.y + dy;
                    if y - ASCENT < top || y + DESCENT > bottom {
                        continue;
                    }
                    for step in 0..=(room / STEP) as usize {
                        let at = (limit.from + 5.0 + step as f64 * STEP, y);
                        let frame = frame_of(at, width);
                        let marks = self.marks(frame);
                        let is_better = best.as_ref().is_none_or(|(fewest, _)| marks < *fewest);
                        if !is_better {
                            continue;
                        }
                        let middle = at.0 + width / 2.0;
                        let end = if dy < 0.0 { y + DESCENT } else { y - ASCENT };
                        let leader = (!is_near).then_some([(middle, limit.y), (middle, end)]);
                        best = Some((marks, Label { text: text.clone(), at, leader }));
                        if marks == 0 {
                            self.frames.push(frame);
                            return best.map(|(_, label)| label);
                        }
                    }
                }
            }
        }
        let (_, label) = best?;
        self.frames.push(frame_of(label.at, label.text.chars().count() as f64 * LETTER));
        Some(label)
    }

    /// Number of lines and labels in a rectangle.
    fn marks(&self, frame: Frame) -> usize {
        let [left, top, right, bottom] = frame;
        let is_over = |other: &&Frame| other[0] < right && left < other[2] && other[1] < bottom && top < other[3];
        let lines = self.segments.iter().filter(|segment| meets(**segment, frame)).count();
        lines + self.frames.iter().filter(is_over).count()
    }
}

fn frame_of((x, y): (f64, f64), width: f64) -> Frame {
    [x - SPACE, y - ASCENT - SPACE, x + width + SPACE, y + DESCENT + SPACE]
}

/// Whether a line has a point in a rectangle.
fn meets(segment: Segment, [left, top, right, bottom]: Frame) -> bool {
    let [(x1, y1), (x2, y2)] = if segment[0].0 <= segment[1].0 { segment } else { [segment[1], segment[0]] };
    let (from, to) = (x1.max(left), x2.min(right));
    if from > to {
        return false;
    }
    let at = |x: f64| y1 + (y2 - y1) * (x - x1) / (x2 - x1);
    let (first, last) = if x2 > x1 { (at(from), at(to)) } else { (y1, y2) };
    first.min(last) <= bottom && first.max(last) >= top
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: (f64, f64) = (20.0, 270.0);

    fn limit(from: f64, to: f64, y: f64) -> Wanted {
        let texts = ["limit 61.0 ha (RES-2023/000999-AMPLIACION)", "limit 61.0 ha", "61.0 ha"];
        Wanted { from, to, y, texts: texts.map(str::to_owned).to_vec() }
    }

    /// The rectangle of a placed label without the space around it.
    fn inside(label: &Label) -> Frame {
        let (x, y) = label.at;
        [x, y - ASCENT, x + label.text.chars().count() as f64 * LETTER, y + DESCENT]
    }

    #[test]
    fn lines_meet_rectangles_that_they_cross() {
        let frame = [10.0, 10.0, 20.0, 20.0];
        for (segment, expected) in [
            ([(15.0, 0.0), (15.0, 30.0)], true),
            ([(15.0, 0.0), (15.0, 9.0)], false),
            ([(0.0, 0.0), (30.0, 30.0)], true),
            ([(30.0, 30.0), (0.0, 0.0)], true),
            ([(0.0, 25.0), (30.0, 25.0)], false),
            ([(0.0, 18.0), (9.0, 18.0)], false),
            // It passes the corner.
            ([(0.0, 12.0), (12.0, 0.0)], false),
        ] {
            assert_eq!(meets(segment, frame), expected, "{segment:?}");
        }
    }

    #[test]
    fn a_label_stands_at_its_limit_where_there_is_room() {
        let mut occupied = Occupied::default();
        let label = occupied.place(&limit(62.0, 842.0, 100.0), PLOT).unwrap();
        assert!(label.text.contains("RES-2023") && label.leader.is_none(), "{label:?}");
        assert_eq!(label.at, (67.0, 93.0));
        // A mark at the start moves it to the right.
        let mut occupied = Occupied { segments: vec![[(80.0, 60.0), (80.0, 140.0)]], ..Occupied::default() };
        let label = occupied.place(&limit(62.0, 842.0, 100.0), PLOT).unwrap();
        assert!(label.text.contains("RES-2023") && label.at.0 > 80.0 && label.leader.is_none(), "{label:?}");
        // Too short for any text.
        assert_eq!(Occupied::default().place(&limit(62.0, 80.0, 100.0), PLOT), None);
    }

    #[test]
    fn labels_of_a_dense_chart_cross_no_mark_and_no_other_label() {
        // Intervals around the limits on each month, and the line that joins the areas.
        let mut occupied = Occupied::default();
        let at = |i: usize| (70.0 + i as f64 * 28.0, 180.0 - i as f64 * 3.5);
        for i in 0..28 {
            let (x, y) = at(i);
            occupied.segments.push([(x, y - 35.0), (x, y + 35.0)]);
            occupied.segments.push([at(i), at(i + 1)]);
        }
        let limits = [limit(62.0, 300.0, 165.0), limit(300.0, 420.0, 150.0), limit(420.0, 842.0, 120.0)];
        for one in &limits {
            occupied.segments.push([(one.from, one.y), (one.to, one.y)]);
        }
        let lines = occupied.segments.clone();
        let mut frames: Vec<Frame> = Vec::new();
        for one in &limits {
            let label = occupied.place(one, PLOT).unwrap();
            let frame = inside(&label);
            assert!(
                frame[0] >= one.from && frame[2] <= one.to && frame[1] >= PLOT.0 && frame[3] <= PLOT.1,
                "{label:?}"
            );
            assert!(lines.iter().all(|line| !meets(*line, frame)), "{label:?}");
            assert!(
                frames.iter().all(|f| f[2] <= frame[0] || frame[2] <= f[0] || f[3] <= frame[1] || frame[3] <= f[1])
            );
            assert!(label.leader.is_some(), "there is no room at the limit: {label:?}");
            frames.push(frame);
        }
    }
}
