//! Claims that alerts make about a site: provisional, then confirmed or withdrawn.
//!
//! A single map may err, so the first alert of a fact is provisional. Later assessable dates agree with it or not. If enough of
//! successive dates agree, the claim is confirmed; if that can no longer happen, it is withdrawn. Each step is told once.

use serde::{Deserialize, Serialize};

use crate::register::Verdict;
use minesegsat_map::series::Confirmation;

/// What is known of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Too few dates show it so far.
    Provisional,
    /// Enough dates show it.
    Confirmed,
    /// An earlier alert said it, and the dates after it did not.
    Withdrawn,
}

impl Standing {
    /// Name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Confirmed => "confirmed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A claim since the date that made it.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    /// Whether each assessable date from then on agrees.
    agrees: Vec<bool>,
    is_confirmed: bool,
}

impl Claim {
    /// A claim that a date makes.
    fn new(rule: &Confirmation) -> Self {
        Self { agrees: vec![true], is_confirmed: rule.needed <= 1 }
    }

    /// Adds a date. Returns what is new: `Confirmed`, or `Withdrawn` for a claim that was provisional. A confirmed claim that
    /// enough dates contradict ends without an alert.
    fn add(&mut self, agrees: bool, rule: &Confirmation) -> Change {
        self.agrees.push(agrees);
        let last = &self.agrees[self.agrees.len().saturating_sub(rule.of)..];
        if !self.is_confirmed {
            if last.iter().filter(|&&yes| yes).count() >= rule.needed {
                self.is_confirmed = true;
                return Change::Confirmed;
            }
            // Too many dates disagree: no `rule.of` successive dates that include the first one can confirm the claim.
            let against = self.agrees.iter().filter(|&&yes| !yes).count();
            return if against > rule.of - rule.needed { Change::Withdrawn } else { Change::None };
        }
        let against = last.iter().filter(|&&yes| !yes).count();
        if against >= rule.needed { Change::Ended } else { Change::None }
    }
}

/// What a date does to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Confirmed,
    Withdrawn,
    Ended,
}

/// Claims about the verdicts "possible exceedance" and "exceeded" under one limit.
#[derive(Debug, Default)]
pub(super) struct VerdictClaims {
    /// For each of [`LEVELS`]: the claim, and whether an alert told it.
    claims: [Option<(Claim, bool)>; 2],
}

/// The verdicts that are claims, the stronger one first. The stronger one implies the weaker one.
const LEVELS: [Verdict; 2] = [Verdict::Exceeded, Verdict::PossibleExceedance];

fn strength(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Exceeded => 2,
        Verdict::PossibleExceedance => 1,
        Verdict::Within | Verdict::NotAssessable | Verdict::NoLimit => 0,
    }
}

impl VerdictClaims {
    /// Adds an assessable date. Returns the verdicts that must be told, with their standing.
    ///
    /// A weaker claim is told only where the stronger one does not say more.
    pub(super) fn add(&mut self, verdict: Verdict, rule: &Confirmation) -> Vec<(Verdict, Standing)> {
        let mut told = Vec::new();
        let found = strength(verdict);
        // Whether a stronger claim holds, so that the weaker one is no news.
        let mut is_implied = false;
        // Whether a confirmed stronger claim has just ended.
        let mut weaker_remains = false;
        for (level, slot) in LEVELS.into_iter().zip(&mut self.claims) {
            let agrees = found >= strength(level);
            let is_this = found == strength(level);
            let Some((claim, is_told)) = slot else {
                if agrees {
                    let claim = Claim::new(rule);
                    let is_new = is_this && !is_implied;
                    if is_new {
                        told.push((level, standing(&claim)));
                    }
                    is_implied |= is_new;
                    *slot = Some((claim, is_new));
                }
                continue;
            };
            match claim.add(agrees, rule) {
                // A provisional alert gets its answer in any case.
                Change::Confirmed if !is_implied || *is_told => {
                    told.push((level, Standing::Confirmed));
                    *is_told = true;
                }
                Change::Withdrawn => {
                    if *is_told {
                        told.push((level, Standing::Withdrawn));
                    }
                    *slot = None;
                    continue;
                }
                Change::Ended => {
                    weaker_remains = true;
                    *slot = None;
                    continue;
                }
                // A weaker statement than the one told before.
                Change::None if weaker_remains && is_this && claim.is_confirmed => {
                    told.push((level, Standing::Confirmed));
                }
                Change::None | Change::Confirmed => {}
            }
            is_implied |= claim.is_confirmed && agrees;
        }
        told
    }

    /// Standing of a verdict after its date was added. `None` for verdicts that are no claims.
    pub(super) fn standing(&self, verdict: Verdict) -> Option<Standing> {
        let level = LEVELS.iter().position(|level| *level == verdict)?;
        self.claims[level].as_ref().map(|(claim, _)| standing(claim))
    }
}

fn standing(claim: &Claim) -> Standing {
    if claim.is_confirmed { Standing::Confirmed } else { Standing::Provisional }
}

/// Areas that were told, in hectares, and what they belong to: a permit, or a date compared with.
#[derive(Debug)]
pub(super) struct AreaClaim<T> {
    of: Option<T>,
    /// The last area that was confirmed.
    settled_ha: Option<f64>,
    /// The last area that was told and is provisional.
    open: Option<(f64, Claim)>,
}

impl<T> Default for AreaClaim<T> {
    fn default() -> Self {
        Self { of: None, settled_ha: None, open: None }
    }
}

impl<T: Clone + PartialEq> AreaClaim<T> {
    /// Adds an assessable date with an area. Returns what must be told.
    ///
    /// An area is told if it exceeds the floor, and what was told before by more than the floor. So growth is told, however
    /// slow, and the same area is not told twice. A date agrees with what was told if its area is at most the floor less.
    /// `confirmed_ha` is the part that several dates show, if it is known from the pixels; then dates are not counted.
    pub(super) fn add(
        &mut self,
        of: &T,
        ha: Option<f64>,
        confirmed_ha: Option<f64>,
        floor_ha: f64,
        rule: &Confirmation,
    ) -> Vec<Standing> {
        let Some(ha) = ha.filter(|ha| !ha.is_nan()) else { return Vec::new() };
        if self.of.as_ref() != Some(of) {
            *self = Self { of: Some(of.clone()), ..Self::default() };
        }
        let mut told = Vec::new();
        if let Some((told_ha, claim)) = &mut self.open {
            let told_ha = *told_ha;
            let agrees = |ha: f64| ha > floor_ha && ha >= told_ha - floor_ha;
            let change = match confirmed_ha {
                Some(confirmed) if agrees(confirmed) => Change::Confirmed,
                Some(_) if !agrees(ha) => Change::Withdrawn,
                Some(_) => Change::None,
                None => claim.add(agrees(ha), rule),
            };
            match change {
                Change::Confirmed => {
                    told.push(Standing::Confirmed);
                    (self.settled_ha, self.open) = (Some(told_ha), None);
                }
                Change::Withdrawn => {
                    told.push(Standing::Withdrawn);
                    self.open = None;
                }
                Change::Ended | Change::None => {}
            }
        }
        if self.open.is_none() && ha <= floor_ha {
            self.settled_ha = None;
        }
        let last_ha = self.open.as_ref().map(|(ha, _)| *ha).or(self.settled_ha);
        if ha > floor_ha && last_ha.is_none_or(|last_ha| ha > last_ha + floor_ha) {
            let is_confirmed = confirmed_ha.is_some_and(|confirmed| confirmed > floor_ha && confirmed >= ha - floor_ha);
            let claim = Claim::new(rule);
            if is_confirmed || claim.is_confirmed {
                told.push(Standing::Confirmed);
                (self.settled_ha, self.open) = (Some(ha), None);
            } else {
                told.push(Standing::Provisional);
                self.open = Some((ha, claim));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Confirmation = Confirmation { needed: 2, of: 3, mention_from: 0.1 };

    fn verdicts(letters: &str) -> Vec<String> {
        let mut claims = VerdictClaims::default();
        letters
            .chars()
            .map(|letter| {
                let verdict = match letter {
                    'e' => Verdict::Exceeded,
                    'p' => Verdict::PossibleExceedance,
                    _ => Verdict::Within,
                };
                let told = claims.add(verdict, &RULE);
                let words = told.iter().map(|(verdict, standing)| format!("{} {}", verdict.name(), standing.name()));
                words.collect::<Vec<_>>().join(", ")
            })
            .collect()
    }

    #[test]
    fn an_exceedance_is_told_provisionally_then_once_more() {
        assert_eq!(verdicts("eeee"), ["exceeded provisional", "exceeded confirmed", "", ""]);
        assert_eq!(verdicts("wewe"), ["", "exceeded provisional", "", "exceeded confirmed"]);
        assert_eq!(verdicts("ewww"), ["exceeded provisional", "", "exceeded withdrawn", ""]);
        // One date that differs is no news once it is confirmed.
        assert_eq!(verdicts("eewee"), ["exceeded provisional", "exceeded confirmed", "", "", ""]);
        // It ended, and comes back.
        assert_eq!(verdicts("eewwe")[4], "exceeded provisional");
    }

    #[test]
    fn the_stronger_verdict_implies_the_weaker_one() {
        // Both dates exceed the limit possibly; one of them surely.
        assert_eq!(verdicts("ep"), ["exceeded provisional", "possible-exceedance confirmed"]);
        assert_eq!(verdicts("epp")[2], "exceeded withdrawn");
        assert_eq!(
            verdicts("ppee"),
            [
                "possible-exceedance provisional",
                "possible-exceedance confirmed",
                "exceeded provisional",
                "exceeded confirmed"
            ]
        );
        // A weaker statement than the one told before is told, when dates support it.
        assert_eq!(
            verdicts("eepp"),
            ["exceeded provisional", "exceeded confirmed", "", "possible-exceedance confirmed"]
        );
        assert_eq!(verdicts("pwp"), ["possible-exceedance provisional", "", "possible-exceedance confirmed"]);
    }

    #[test]
    fn no_series_of_verdicts_repeats_an_alert_before_the_claim_ended() {
        // All series of seven dates.
        for number in 0..3_u32.pow(7) {
            let letters: String = (0..7).map(|i| ['w', 'p', 'e'][(number / 3_u32.pow(i) % 3) as usize]).collect();
            let told: Vec<String> = verdicts(&letters).join(", ").split(", ").map(str::to_owned).collect();
            for kind in ["exceeded", "possible-exceedance"] {
                let steps: Vec<&str> =
                    told.iter().filter_map(|one| one.strip_prefix(kind)?.strip_prefix(' ')).collect();
                for pair in steps.windows(2) {
                    assert_ne!(pair, ["provisional", "provisional"], "{letters}: {told:?}");
                    assert_ne!(pair, ["withdrawn", "withdrawn"], "{letters}: {told:?}");
                    assert_ne!(pair, ["confirmed", "withdrawn"], "{letters}: {told:?}");
                }
            }
        }
    }

    #[test]
    fn areas_are_told_when_they_grow_are_confirmed_or_withdrawn() {
        use Standing::{Confirmed, Provisional, Withdrawn};

        let mut claim = AreaClaim::default();
        let mut add = |ha: f64, confirmed: Option<f64>| claim.add(&(), Some(ha), confirmed, 0.5, &RULE);
        let none: [Standing; 0] = [];
        assert_eq!(add(0.4, None), none);
        assert_eq!(add(2.0, None), [Provisional]);
        assert_eq!(add(2.3, None), [Confirmed]);
        assert_eq!(add(2.4, None), none);
        assert_eq!(add(2.6, None), [Provisional], "more than 0.5 above what was told");
        assert_eq!((add(0.1, None), add(0.2, None)), (none.to_vec(), vec![Withdrawn]));
        // From pixels.
        assert_eq!(add(3.0, Some(0.0)), [Provisional]);
        assert_eq!(add(3.1, Some(2.6)), [Confirmed]);
        assert_eq!(add(9.0, Some(8.9)), [Confirmed], "two dates at once");
        assert_eq!(add(9.7, Some(8.9)), [Provisional]);
        assert_eq!(add(8.9, Some(8.9)), [Withdrawn]);
        assert_eq!(add(9.1, Some(8.9)), none, "what was confirmed before is not told again");
        assert_eq!(claim.add(&(), None, None, 0.5, &RULE), none);
    }
}
