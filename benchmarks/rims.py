"""Measures the borders of results at their own size, and how well their promise tells good ones from bad ones.

python -m benchmarks.rims          the borders by set, and the promise with a whole set left out
python -m benchmarks.rims fit      writes daemon/judgement/rim_score.json
python -m benchmarks.rims before   writes benchmarks/rims_before.json: today's borders, for later ones to stand beside

Sets that are good for rims to two pixels only serve the fit, and have a line of their own in the table.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fitting import Floats, Samples, card_as_json, fit_card, promise_curve, sums
from benchmarks.labelled import NETWORKS, auroc, spearman
from benchmarks.made_photos import WEIGHTS, made_folder
from benchmarks.rim_rows import RimRow, gather
from benchmarks.rim_truth import RIM_BAD, family, folder_arguments, rim_photos
from daemon.judgement.rim_score import RimCards
from daemon.judgement.rim_signs import NAMES, RimSigns
from daemon.judgement.score import Card
from daemon.settings import GradingSettings

CARD = Path(__file__).parents[1] / "daemon" / "judgement" / "rim_score.json"
BEFORE = Path(__file__).with_name("rims_before.json")
BOOTSTRAPS = 400
INEXACT_WEIGHT = 0.6  # of photos whose true border is good to two pixels only
GREY_WEIGHTS = {"model": 1.0, "model moved": 0.15}
HIDDEN_WEIGHTS = {"crisp": 1.0, "true": 0.3, "coarse": 0.3, "moved": 0.3, "rough": 0.3, "smeared": 0.3}
CALIBRATING = {"model", "crisp", "true", "coarse"}  # moved, rough and smeared borders only teach the curves
HIDDEN_GOOD = 0.65
"""The share of rims, not rim-bad, that answers in black and white are taken to have before their signs are seen. The
rows have 0.25 of it, since their answers in black and white are those of small networks, cut. Networks that answer so
(RMBG-2.0, BiRefNet, BEN2) could not be measured here, but none can do better than the truth at its size: of true alphas
of these photos, shrunk to 800 or 1,024 px and written, 0.65 are not rim-bad."""
GREY_SIGNS = ("unsure", "doubt", "off_edge", "rough")  # more signs carry over less well to sets that were left out
HIDDEN_SIGNS = ("off_edge", "beside", "rough", "crumbly", "soft", "fringe", "coarse")
KIN = {"made": "soft", "alphamatting27": "soft", "adobe_comp_samples": "soft"}
"""Sets that show the same subjects: they are left out together."""


def fitted_cards(rows: Sequence[RimRow]) -> RimCards:
    """Both cards, fitted to all of these rows."""
    grey = _fit(rows, GREY_WEIGHTS, GREY_SIGNS)
    return RimCards(grey, _fit(rows, HIDDEN_WEIGHTS, HIDDEN_SIGNS, HIDDEN_GOOD))


def _fit(
    rows: Sequence[RimRow], weights: Mapping[str, float], names: tuple[str, ...], good_share: float | None = None
) -> Card:
    """good_share: of what the promise is calibrated on; None = as many as there are."""
    rows = [row for row in rows if row.kind in weights]
    values = np.array([[row.signs[NAMES.index(name)] for name in names] for row in rows], np.float64)
    followed = np.array([row.followed for row in rows])
    weight = np.array([weights[row.kind] * (1.0 if row.exact else INEXACT_WEIGHT) for row in rows])
    # `fit_card` squares what is over one half, as suits an IoU; here each share of the border counts alike.
    samples = Samples(names, values, (1 + np.sqrt(followed)) / 2, weight)
    curves = fit_card(samples)
    counts = np.array([row.kind in CALIBRATING for row in rows])
    total, followed, weight = sums(curves, samples)[counts], followed[counts], weight[counts]
    if good_share is not None:
        good = followed >= 1 - RIM_BAD
        for of, share in ((good, good_share), (~good, 1 - good_share)):
            weight[of] *= len(weight) * share / weight[of].sum()
    return Card(curves.curves, promise_curve(total, followed, weight))


def fit(rows: Sequence[RimRow]) -> None:
    cards = fitted_cards(rows)
    about = "Written by python -m benchmarks.rims fit: curves of log-odds per sign, the promised share by their sum."
    content = {"about": about, "grey": card_as_json(cards.grey), "hidden": card_as_json(cards.hidden)}
    CARD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{CARD.name} written from {len(rows)} results of {len({row.photo for row in rows})} photos")


def held_out(rows: Sequence[RimRow], kin: Sequence[str]) -> Floats:
    """The promise for each row, from cards that saw none of its kin. kin: of each row."""
    promised = np.zeros(len(rows))
    for left_out in sorted(set(kin)):
        cards = fitted_cards([row for row, its in zip(rows, kin, strict=True) if its != left_out])
        for number in np.flatnonzero(np.array(kin) == left_out).tolist():
            promised[number] = cards.promise(RimSigns(*rows[number].signs))
    return promised


def standard_errors(promised: Floats, off: Floats, photos: Sequence[str]) -> tuple[float, float]:
    """Of Spearman's correlation and of the AUROC of rim-bad: a bootstrap by film, series or foreground."""
    families: dict[str, list[int]] = {}
    for number, photo in enumerate(photos):
        families.setdefault(family(photo), []).append(number)
    parts, dice, found = list(families.values()), np.random.default_rng(0), []
    for _ in range(BOOTSTRAPS):
        drawn = np.concatenate([parts[part] for part in dice.integers(0, len(parts), len(parts))])
        found.append((spearman(promised[drawn], -off[drawn]), auroc(-promised[drawn], off[drawn] > RIM_BAD)))
    rank, bad = np.nanstd(found, axis=0)
    return float(rank), float(bad)


def report(all_rows: Sequence[RimRow]) -> dict[str, float]:
    every, limits = held_out(all_rows, [KIN.get(row.group, row.group) for row in all_rows]), GradingSettings()
    _kinds(all_rows, every)
    of_models = np.array([row.kind == "model" for row in all_rows])
    rows, promised = [row for row in all_rows if row.kind == "model"], every[of_models]
    exact = np.array([row.exact for row in rows])
    off = np.array([row.error.off for row in rows])
    region = np.array([row.region for row in rows])
    print(f"{len(rows)} results of {len({row.photo for row in rows})} photos, at their own size.")
    print("(before): the same photos, as recorded by `before`. Spearman: the promise and the share followed.\n")
    _table(rows, promised)
    very_good = (promised >= limits.rim_sehr_gut) & (region >= limits.sehr_gut) & exact
    bad = off > RIM_BAD
    rank_error, bad_error = standard_errors(promised[exact], off[exact], [row.photo for row in rows if row.exact])
    print(f"standard errors: spearman +- {rank_error:.3f}, AUROC of rim-bad +- {bad_error:.3f}")
    other = held_out(all_rows, [NETWORKS[row.model] for row in all_rows])[of_models]
    rank, rim_bad = spearman(other[exact], -off[exact]), auroc(-other[exact], bad[exact])
    print(f"a network left out instead of a set: spearman {rank:.3f}, AUROC of rim-bad {rim_bad:.3f}")
    print("\nExact sets, graded sehr_gut (the region's card saw these photos):  results  rim-bad")
    for title, chosen in (
        ("by both promises", very_good),
        ("by the rim alone", exact & (promised >= limits.rim_sehr_gut)),
        ("by the region alone, as before", exact & (region >= limits.sehr_gut)),
    ):
        print(f"  {title:65}{chosen.sum():7d}  {_share(bad, chosen):.3f}")
    return {
        "boundary_iou": float(np.mean([row.error.boundary_iou for row in rows if row.exact])),
        "off_2px_share": float(off[exact].mean()),
        "spearman_rim": spearman(promised[exact], -off[exact]),
        "auroc_rim_bad": auroc(-promised[exact], bad[exact]),
        "sehr_gut_rim_bad_share": _share(bad, very_good),
        "sehr_gut_share": float(very_good[exact].mean()),
        "photos": len({row.photo for row in rows if row.exact}),
    }


def _rank(promised: Floats, off: Floats) -> float:
    """Spearman's correlation of the promise and the share followed; nan for few results, or if none is off."""
    return spearman(promised, -off) if len(off) > 5 and np.ptp(off) > 0 else float("nan")


def _share(bad: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    return float(bad[of].mean()) if of.any() else 0.0


def _kinds(rows: Sequence[RimRow], promised: Floats) -> None:
    """What alphas of each kind are promised. The made-up ones show that worse is promised less; they count nowhere."""
    limit = GradingSettings().rim_sehr_gut
    print("kind          results  off 2 px  rim-bad  promised  spearman  AUROC(rim-bad)  sehr_gut  rim-bad of these")
    for kind in sorted({row.kind for row in rows}):
        of = np.array([row.kind == kind and row.exact for row in rows])
        off = np.array([row.error.off for row in rows])[of]
        rank, bad = _rank(promised[of], off), auroc(-promised[of], off > RIM_BAD)
        print(
            f"{kind:14}{of.sum():7d}  {off.mean():8.3f}  {(off > RIM_BAD).mean():7.3f}  {promised[of].mean():8.3f}  "
            f"{rank:8.3f}  {bad:14.3f}  {(promised[of] >= limit).mean():8.3f}  "
            f"{_share(off > RIM_BAD, promised[of] >= limit):16.3f}"
        )
    print()


def means(rows: Sequence[RimRow]) -> dict[str, dict[str, float]]:
    """By set and model: the number of results, mean boundary IoU and share off, and for soft truth MAD and gradient."""
    found = {}
    for key in sorted({(row.group, row.model) for row in rows}):
        errors = [row.error for row in rows if (row.group, row.model) == key]
        columns = np.array([(e.boundary_iou, e.off, e.mad, e.gradient) for e in errors]).mean(axis=0)
        named = zip(("boundary_iou", "off", "mad", "gradient"), columns.tolist(), strict=True)
        found[" ".join(key)] = {"results": len(errors)} | {k: round(v, 5) for k, v in named if v == v}
    return found


def _table(rows: Sequence[RimRow], promised: Floats) -> None:
    before = json.loads(BEFORE.read_text("utf-8")) if BEFORE.is_file() else {}
    columns = "boundary IoU (before)  off 2 px (before)  rim-bad  promised  spearman  mad, gradient"
    print(f"{'set, model':28}results  {columns}")
    keys = np.array([f"{row.group} {row.model}" for row in rows])
    total = {"boundary_iou": 0.0, "off": 0.0, "results": 0.0}
    exact = {f"{row.group} {row.model}" for row in rows if row.exact}
    for key, now in means(rows).items():
        of = keys == key
        old = before.get(key, {})
        old = old if old.get("results") == now["results"] else {}
        if key in exact and old:
            for name in ("boundary_iou", "off"):
                total[name] += old[name] * old["results"]
            total["results"] += old["results"]
        off = np.array([row.error.off for row, here in zip(rows, of, strict=True) if here])
        rank = _rank(promised[of], off)
        soft = f"{now['mad']:.3f} ({old.get('mad', float('nan')):.3f}), {now['gradient']:.5f}" if "mad" in now else ""
        nan = float("nan")
        print(
            f"{key:28}{now['results']:7d}  {now['boundary_iou']:.3f} ({old.get('boundary_iou', nan):.3f})"
            f"          {now['off']:.3f} ({old.get('off', nan):.3f})      {(off > RIM_BAD).mean():.3f}    "
            f"{promised[of].mean():.3f}     {rank:6.3f}   {soft}"
        )
    if total["results"]:
        iou, off_before = total["boundary_iou"] / total["results"], total["off"] / total["results"]
        print(f"before, exact sets: boundary_iou {iou:.4f}, off_2px_share {off_before:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("report", "fit", "before"), default="report")
    folder_arguments(parser)
    arguments = parser.parse_args()
    folders = [arguments.data, arguments.more]
    if WEIGHTS.is_file():
        folders.append(made_folder(arguments.cache, arguments.data, arguments.more))
    else:
        print(f"No large photos are made, since {WEIGHTS} is not there.")
    rows = gather(rim_photos(folders), kinds=arguments.what != "before")
    if arguments.what == "fit":
        fit(rows)
    elif arguments.what == "before":
        BEFORE.write_text(json.dumps(means(rows), indent=1) + "\n", encoding="utf-8")
    else:
        print(json.dumps({name: round(value, 4) for name, value in report(rows).items()}))


if __name__ == "__main__":
    main()
