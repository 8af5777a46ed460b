"""Histories of pixels over many dates, in numpy: an independent implementation of `minesegsat timeline`.

    histories(probabilities, days, thresholds, rules)   classes, onsets, posteriors of many pixels

Used by compare_series.py (files of the program against this), by measure_series.py (figures on simulated ground) and to make
the golden numbers of crates/minesegsat-map:

    python scripts/series_reference.py crates/minesegsat-testing/golden/series.json

Needs numpy.
"""

import json
import sys
from dataclasses import asdict, dataclass

import numpy as np

UNDISTURBED, DISTURBED, NEW, NEW_PROVISIONAL, REGROWN, REGROWN_PROVISIONAL, NOT_ASSESSABLE = 0, 1, 2, 3, 4, 5, 255


@dataclass
class Rules:
    onset_per_year: float = 0.01
    regrowth_per_year: float = 0.01
    evidence_weight: float = 0.5
    evidence_limit: float = 8.0
    needed: int = 2
    of: int = 3
    mention_from: float = 0.1


def evidence(probabilities, thresholds, rules):
    """Weighted, limited log-odds relative to the threshold, `[dates, pixels]`; NaN where not assessable."""
    with np.errstate(divide="ignore"):
        p = np.asarray(probabilities, np.float64)
        odds = np.log(p) - np.log1p(-p)
    t = np.asarray(thresholds, np.float32).astype(np.float64)
    odds = odds - (np.log(t) - np.log1p(-t))[:, None]
    return rules.evidence_weight * np.clip(odds, -rules.evidence_limit, rules.evidence_limit)


def change_probabilities(days, rules):
    """Probabilities of 0 -> 1 and of 1 -> 0 over some days."""
    total = rules.onset_per_year + rules.regrowth_per_year
    moved = 1 - np.exp(-total * np.asarray(days, np.float64) / 365.25)
    return rules.onset_per_year / total * moved, rules.regrowth_per_year / total * moved


def most_likely(e, days, rules):
    """Most likely states, `[dates, pixels]`; meaningless where a pixel was not seen.

    Every date is visited. A date without a view hands on what was known and the day of the last view.
    """
    dates, pixels = e.shape
    score = np.full((2, pixels), np.log(0.5))
    last = np.full(pixels, -1)
    from_one = np.zeros((dates, 2, pixels), bool)
    before = np.full((dates, pixels), -1)
    for t in range(dates):
        seen = ~np.isnan(e[t])
        first = seen & (last < 0)
        later = seen & (last >= 0)
        up, down = change_probabilities(days[t] - days[np.maximum(last, 0)], rules)
        with np.errstate(divide="ignore"):
            stay0, come0 = score[0] + np.log1p(-up), score[1] + np.log(down)
            stay1, come1 = score[0] + np.log(up), score[1] + np.log1p(-down)
        from_one[t, 0], from_one[t, 1] = come0 > stay0, come1 > stay1
        zero = np.where(later, np.maximum(stay0, come0), score[0])
        one = np.where(later, np.maximum(stay1, come1), score[1])
        score = np.stack([np.where(seen, zero, score[0]), np.where(seen, one + np.nan_to_num(e[t]), score[1])])
        before[t] = np.where(later, last, -1)
        last = np.where(first | later, t, last)
    states = np.zeros((dates, pixels), bool)
    now, at = score[1] >= score[0], last.copy()
    columns = np.arange(pixels)
    for _ in range(dates):
        live = at >= 0
        states[at[live], columns[live]] = now[live]
        came = from_one[np.maximum(at, 0), now.astype(int), columns]
        previous = before[np.maximum(at, 0), columns]
        now = np.where(live & (previous >= 0), came, now)
        at = np.where(live, previous, -1)
    return states


def posteriors(e, days, rules):
    """Posterior probabilities of "disturbed", `[dates, pixels]`, from the sums over all paths in both directions."""
    dates, pixels = e.shape
    gaps = np.diff(np.asarray(days, np.float64))
    ups, downs = change_probabilities(gaps, rules)
    likelihood = np.exp(np.nan_to_num(e))
    forward = np.zeros((dates, 2, pixels))
    # The chain starts on the first date with a view.
    started = np.cumsum(~np.isnan(e), 0) > ~np.isnan(e)
    forward[0] = np.stack([np.full(pixels, 0.5), 0.5 * likelihood[0]])
    for t in range(1, dates):
        a, b = forward[t - 1] / forward[t - 1].sum(0)
        up, down = np.where(started[t], ups[t - 1], 0), np.where(started[t], downs[t - 1], 0)
        forward[t] = np.stack([a * (1 - up) + b * down, (a * up + b * (1 - down)) * likelihood[t]])
    backward = np.ones((dates, 2, pixels))
    for t in range(dates - 2, -1, -1):
        a, b = backward[t + 1][0], backward[t + 1][1] * likelihood[t + 1]
        both = np.stack([(1 - ups[t]) * a + ups[t] * b, downs[t] * a + (1 - downs[t]) * b])
        backward[t] = both / both.sum(0)
    product = forward * backward
    return product[:, 1] / product.sum(1)


def histories(probabilities, days, thresholds, rules):
    """Classes `[pixels]`, onsets `[2, pixels]` (last clear date and first date that shows it; -1 for none) and states."""
    probabilities = np.asarray(probabilities, np.float32)
    days = np.asarray(days)
    e = evidence(probabilities, thresholds, rules)
    states = most_likely(e, days, rules)
    chances = posteriors(e, days, rules)
    pixels = e.shape[1]
    classes = np.full(pixels, NOT_ASSESSABLE)
    onsets = np.full((2, pixels), -1)
    for i in range(pixels):
        dates = np.flatnonzero(~np.isnan(e[:, i]))
        if len(dates) == 0:
            continue
        state, shows = states[dates, i], e[dates, i] >= 0
        changes = np.flatnonzero(np.diff(state.astype(int))) + 1
        start = changes[-1] if len(changes) else 0

        def confirmed(agrees):
            return any(sum(agrees[k : k + rules.of]) >= rules.needed for k in range(len(agrees)))

        def onset(at):
            quiet = np.flatnonzero(~shows[:at])
            found = np.flatnonzero(shows[at:])
            return dates[quiet[-1] if len(quiet) else at - 1], dates[at + found[0] if len(found) else at]

        if state[-1]:
            if start == 0:
                classes[i] = DISTURBED
            else:
                classes[i] = NEW if confirmed(list(shows[start:])) else NEW_PROVISIONAL
                onsets[:, i] = onset(start)
            continue
        # Trailing dates that show it although the path does not.
        quiet = np.flatnonzero(~shows[start:])
        if shows[-1] and len(quiet) and chances[dates[-1], i] >= rules.mention_from:
            classes[i] = NEW_PROVISIONAL
            onsets[:, i] = dates[start + quiet[-1]], dates[start + quiet[-1] + 1]
        elif start == 0:
            classes[i] = UNDISTURBED
        else:
            classes[i] = REGROWN if confirmed(list(~shows[start:])) else REGROWN_PROVISIONAL
            if len(changes) > 1:
                onsets[:, i] = onset(changes[-2])
    return classes, onsets, states


def random_pixels(rng, dates, pixels):
    """Pixels with zero to two true changes, noise, false dates and clouds."""
    truth = np.zeros((dates, pixels), bool)
    for i in range(pixels):
        cuts = np.sort(rng.integers(0, dates + 1, rng.integers(0, 3)))
        state, edges = bool(rng.integers(2)), [0, *cuts, dates]
        for a, b in zip(edges, edges[1:]):
            truth[a:b, i] = state
            state = not state
    truth ^= rng.random(truth.shape) < 0.08
    odds = np.where(truth, 2.5, -2.5) + rng.normal(0, 2, truth.shape)
    p = (1 / (1 + np.exp(-odds))).astype(np.float32)
    p[rng.random(p.shape) < 0.3] = np.nan
    return p


def golden(path):
    rng = np.random.default_rng(7)
    cases = []
    for rules in (Rules(), Rules(0.2, 0.05, 0.8, 6.0, 3, 4, 0.3)):
        for dates in (2, 5, 14):
            days = np.cumsum(rng.integers(3, 300, dates)) + 17000
            thresholds = np.round(rng.uniform(0.3, 0.6, dates), 3)
            p = random_pixels(rng, dates, 60)
            classes, onsets, _ = histories(p, days, thresholds, rules)
            found = posteriors(evidence(p, thresholds, rules), days, rules)
            number = lambda v: None if np.isnan(v) else float(np.float32(v))
            cases.append(
                {
                    "rules": asdict(rules),
                    "days": days.tolist(),
                    "thresholds": thresholds.tolist(),
                    "probabilities": [[number(v) for v in column] for column in p.T],
                    "classes": classes.tolist(),
                    "onsets": onsets.T.tolist(),
                    "posteriors": [[round(float(v), 12) for v in column] for column in found.T],
                }
            )
    with open(path, "w") as file:
        json.dump(cases, file)
        file.write("\n")
    print(f"{path}: {len(cases)} cases, classes {np.bincount(np.concatenate([c['classes'] for c in cases]))[:6]}")


if __name__ == "__main__":
    golden(sys.argv[1])
