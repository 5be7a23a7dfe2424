/** Reads everything that the later cells compute from. */
export const LOAD_CELL = `import csv
import functools
import gzip
import json
import math
import re
import statistics
from pathlib import Path

HERE = Path.cwd()
summary = json.loads((HERE / "summary.json").read_text())
manifest = json.loads((HERE / "manifest.json").read_text())
experiment = manifest["experiment"]
form = manifest["form"]
start_ms, end_ms = form["warmupMs"], form["warmupMs"] + form["measureMs"]
cut_off_ms = end_ms + form["drainMs"]
timeout_ms = {workload["name"]: workload["timeoutMs"] for workload in experiment["workloads"]}
classes = {row["name"]: row["slo"] for row in sorted(manifest["policy"]["classes"], key=lambda row: row["rank"])}

trials = {}  # (arm, block) -> folder; of several valid attempts the last counts
for folder in sorted((HERE / "trials").iterdir()):
    name = re.fullmatch(r"\\d+-(.+?)-(\\d+)(?:-again(\\d+))?", folder.name)
    if name is None or not (folder / "audit.json").exists():
        continue
    audit = json.loads((folder / "audit.json").read_text())
    if not audit.get("verdict", audit)["valid"]:
        print("void, left out:", folder.name)
        continue
    attempt = int(name[3] or 0)
    known = trials.get((name[1], int(name[2])))
    if known is None or known[0] <= attempt:
        trials[name[1], int(name[2])] = attempt, folder
trials = {key: folder for key, (_, folder) in trials.items()}
print(len(trials), "trials,", len({arm for arm, _ in trials}), "arms,", len({block for _, block in trials}), "blocks")
`;

/** The metrics of every trial, from the raw records. */
export const TRIAL_CELL = `def quantiles(values):
    """Definition 7 of Hyndman and Fan, which the standard library calls inclusive."""
    if len(values) == 1:
        return dict.fromkeys(("p50", "p90", "p99", "p999"), values[0])
    cut = statistics.quantiles(values, n=1000, method="inclusive")
    return {"p50": cut[499], "p90": cut[899], "p99": cut[989], "p999": cut[998]}


def trial_metrics(folder, name, slo):
    with gzip.open(folder / "requests.csv.gz", "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["class"] == name and row["phase"] == "measure"]
    if not rows:
        return None
    with open(folder / "throughput.csv", newline="") as file:
        received = sum(
            int(row["bytes"])
            for row in csv.DictReader(file)
            if row["class"] == name and start_ms <= float(row["t_ms"]) < end_ms
        )
    latencies, good, met = [], 0, 0
    for row in rows:
        elapsed = float(row["end_ms"]) - float(row["intended_ms"]) if row["end_ms"] else 0.0
        ok = row["error"] == "" and row["end_ms"] != "" and row["status"] != "" and 200 <= int(row["status"]) < 400
        patience = timeout_ms[row["workload"]]
        if row["error"] == "unfinished":
            patience = min(patience, cut_off_ms - float(row["intended_ms"]))
        latencies.append(elapsed if ok else max(elapsed, patience))
        good += ok
        met += (
            ok
            and elapsed <= slo.get("latencyMs", math.inf)
            and int(row["bytes"]) * 8000 >= slo.get("goodputBps", 0) * elapsed
        )
    seconds = (end_ms - start_ms) / 1000
    return {
        "requests": len(rows),
        **{f"latencyMs.{level}": value for level, value in quantiles(latencies).items()},
        "latencyMs.mean": statistics.fmean(latencies),
        "goodputRps": good / seconds,
        "goodputBps": received * 8 / seconds,
        "errorRatio": (len(rows) - good) / len(rows),
        "sloAttainment": met / len(rows),
    }


table = {}  # arm -> class -> block -> metrics
for (arm, block), folder in sorted(trials.items()):
    for name, slo in classes.items():
        metrics = trial_metrics(folder, name, slo)
        if metrics is not None:
            table.setdefault(arm, {}).setdefault(name, {})[block] = metrics
print(sum(len(blocks) for arm in table.values() for blocks in arm.values()), "cells of arm, class and block")
`;

/** Intervals over trials, compared with the summary. */
export const ARMS_CELL = `@functools.lru_cache(None)
def student(freedom, confidence=0.95):
    """Student's quantile: with t = sqrt(f) tan(a) the density is that of cos(a) ** (f - 1). Simpson's rule and bisection."""

    def area(angle, steps=400):
        width = angle / steps
        heights = [math.cos(width * step) ** (freedom - 1) for step in range(steps + 1)]
        return width / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))

    whole, low, high = area(math.pi / 2), 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if area(middle) / whole < confidence else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def mean_interval(values):
    value = statistics.fmean(values)
    if len(values) < 2:
        return value, None, None
    half = student(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return value, value - half, value + half


def each(function, numbers):
    return tuple(None if number is None else function(number) for number in numbers)


def geometric_interval(values):
    if min(values) <= 0:
        return each(lambda number: max(0.0, number), mean_interval(values))
    return each(math.exp, mean_interval([math.log(value) for value in values]))


def proportion_interval(values):
    return each(lambda number: min(1.0, max(0.0, number)), mean_interval(values))


checked = 0


def agree(what, own, published):
    global checked
    for mine, key in zip(own, ("value", "low", "high")):
        theirs = published[key]
        same = mine is theirs is None or (
            mine is not None and theirs is not None and math.isclose(mine, theirs, rel_tol=2e-5, abs_tol=1e-9)
        )
        assert same, f"{what} {key}: recomputed {mine}, summary.json has {theirs}"
        checked += 1


def look_up(metrics, metric):
    for step in metric.split("."):
        metrics = metrics[step]
    return metrics


METRICS = ["latencyMs.p50", "latencyMs.p90", "latencyMs.p99", "latencyMs.p999", "latencyMs.mean",
           "goodputRps", "goodputBps", "errorRatio", "sloAttainment"]
assert set(table) == set(summary["arms"]), (set(table), set(summary["arms"]))
print(f"{'arm':18}{'class':14}{'p50 ms':>9}{'p99 ms':>9}  {'95 % of p99':>20}{'Mbit/s':>9}{'errors':>9}{'SLO met':>9}")
for arm, published in summary["arms"].items():
    assert set(table[arm]) == set(published["classes"])
    for name, blocks in table[arm].items():
        own = {}
        for metric in METRICS:
            interval = proportion_interval if metric in ("errorRatio", "sloAttainment") else geometric_interval
            own[metric] = interval([metrics[metric] for metrics in blocks.values()])
            agree(f"{arm} {name} {metric}", own[metric], look_up(published["classes"][name], metric))
        assert sum(metrics["requests"] for metrics in blocks.values()) == published["classes"][name]["requests"]
        low, high = own["latencyMs.p99"][1:]
        spread = "no interval" if low is None else f"{low:.1f} to {high:.1f}"
        print(
            f"{arm:18}{name:14}{own['latencyMs.p50'][0]:9.1f}{own['latencyMs.p99'][0]:9.1f}  {spread:>20}"
            f"{own['goodputBps'][0] / 1e6:9.2f}{own['errorRatio'][0]:9.2%}{own['sloAttainment'][0]:9.1%}"
        )
print(checked, "numbers recomputed from the raw records; all equal summary.json")
`;

/** Ratios and verdicts, compared with the summary. */
export const RATIOS_CELL = `def paired(metric, name, of, to):
    blocks = sorted(set(table[of].get(name, {})) & set(table[to].get(name, {})))
    return [(table[of][name][block][metric], table[to][name][block][metric]) for block in blocks]


def ratio_interval(pairs):
    if all(of > 0 and to > 0 for of, to in pairs):
        return geometric_interval([of / to for of, to in pairs])
    below = statistics.fmean(to for _, to in pairs)
    return (None if below == 0 else statistics.fmean(of for of, _ in pairs) / below), None, None


def round6(number):
    return None if number is None else float(f"{number:.6g}")


before = checked
ratios = {}
for published in summary["ratios"]:
    key = published["metric"], published["class"], published["of"], published["to"]
    pairs = paired(*key)
    ratios[key] = ratio_interval(pairs)
    agree(f"ratio {key}", ratios[key], published)
    agree(f"difference {key}", mean_interval([of - to for of, to in pairs]), published["difference"])
    assert len(pairs) == published["blocks"]
print(checked - before, "numbers of", len(ratios), "ratios recomputed; all equal summary.json")
print()

for finding in summary["findings"]:
    key = finding["metric"], finding["class"], finding["of"], finding["to"]
    value, low, high = each(round6, ratios.get(key, (None, None, None)))
    least, most = finding.get("atLeast", -math.inf), finding.get("atMost", math.inf)
    if low is None or high is None:
        verdict = "undecided"
    elif low >= least and high <= most:
        verdict = "holds"
    else:
        verdict = "fails" if high < least or low > most else "undecided"
    assert verdict == finding["verdict"], (key, verdict, finding["verdict"])
    print(f"{verdict:10} {finding['words']}")
`;

/** How a chart is shown. */
export const SHOW_CELL = `def show(name):
    spec = json.loads((HERE / "charts" / f"{name}.vl.json").read_text())
    svg = (HERE / "charts" / f"{name}.svg").read_text()
    display(
        {"application/vnd.vegalite.v6+json": spec, "image/svg+xml": svg, "text/plain": spec["description"]},
        raw=True,
    )
`;

/** Shows one chart. */
export function chartCell(name: string): string {
  return `show(${JSON.stringify(name)})\n`;
}
