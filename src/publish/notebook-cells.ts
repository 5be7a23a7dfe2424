import { STEP_FUNCTIONS } from './notebook-step-functions.ts';

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


def records(folder):
    with gzip.open(folder / "requests.csv.gz", "rt", newline="") as file:
        yield from csv.DictReader(file)


def succeeded(row):
    return row["error"] == "" and row["end_ms"] != "" and row["status"] != "" and 200 <= int(row["status"]) < 400


def latency(row):
    elapsed = float(row["end_ms"]) - float(row["intended_ms"]) if row["end_ms"] else 0.0
    if succeeded(row):
        return elapsed
    patience = timeout_ms[row["workload"]]
    if row["error"] == "unfinished":
        patience = min(patience, cut_off_ms - float(row["intended_ms"]))
    return max(elapsed, patience)


begins = [start_ms + flow["startMs"] for flow in experiment.get("crossTraffic", [])]
ends = [start_ms + flow["startMs"] + flow["durationMs"] for flow in experiment.get("crossTraffic", [])]
episode = (min(begins), min(end_ms, max(ends))) if begins else None


def network_lines(folder):
    if not (folder / "counters.jsonl").exists():
        return []
    with open(folder / "counters.jsonl") as file:
        lines = [json.loads(line) for line in file if line.strip()]
    return sorted((line for line in lines if line["source"] == "network"), key=lambda line: line["t_ms"])


def time_to_hint(lines):
    congested = set()  # links on which the class is, and was when the episode began
    for line in lines:
        if line["t_ms"] >= episode[0] and congested:
            return 0
        if line["t_ms"] >= episode[1]:
            break
        if not line["congested"]:
            congested.discard(line["link"])
        elif line["t_ms"] >= episode[0]:
            return line["t_ms"] - episode[0]
        else:
            congested.add(line["link"])
    return 0 if congested else episode[1] - episode[0]


def episode_metrics(folder, name, rows):
    due = [(float(row["intended_ms"]), latency(row)) for row in rows]
    within = [(at, took) for at, took in due if episode[0] <= at < episode[1]]
    before = [took for at, took in due if at < episode[0]]
    metrics = {}
    if within:
        levels = quantiles([took for _, took in within])
        metrics.update((f"episode.latencyMs.{level}", levels[level]) for level in ("p50", "p99"))
    if before:
        windows = {}
        for at, took in within:
            windows.setdefault(math.floor((at - episode[0]) / 250), []).append(took)
        limit = 2 * quantiles(before)["p99"]
        bad = [window for window, latencies in windows.items() if quantiles(latencies)["p99"] >= limit]
        metrics["episode.timeToReliefMs"] = min(250 * (max(bad, default=-1) + 1), episode[1] - episode[0])
    lines = network_lines(folder)
    if lines:
        own = [line for line in lines if line.get("class") == name]
        metrics["episode.timeToHintMs"] = time_to_hint([line for line in own if line["event"] == "hint"])
        moves = [line for line in own if line["event"] == "move"]
        first = next((line["t_ms"] for line in moves if episode[0] <= line["t_ms"] < episode[1]), None)
        if first is not None:
            metrics["episode.timeToFirstMoveMs"] = first - episode[0]
        instants = {}
        for line in moves:
            decider = "controller" if line["owner"] == "controller" else line["name"]
            instants.setdefault(decider, set()).add(math.floor(line["t_ms"] + 0.5))
        metrics["episode.moves"] = max((len(own) for own in instants.values()), default=0)
    return metrics


${STEP_FUNCTIONS}def trial_metrics(folder, name, slo, queues):
    every = [row for row in records(folder) if row["class"] == name]
    rows = [row for row in every if row["phase"] == "measure"]
    if not rows:
        return None
    with open(folder / "throughput.csv", newline="") as file:
        received = sum(
            int(row["bytes"])
            for row in csv.DictReader(file)
            if row["class"] == name and start_ms <= float(row["t_ms"]) < end_ms
        )
    latencies = [latency(row) for row in rows]
    good = [succeeded(row) for row in rows]
    met = [
        ok
        and elapsed <= slo.get("latencyMs", math.inf)
        and int(row["bytes"]) * 8000 >= slo.get("goodputBps", 0) * elapsed
        for row, elapsed, ok in zip(rows, latencies, good)
    ]
    answered = sum(succeeded(row) and start_ms <= float(row["end_ms"]) < end_ms for row in every)
    # A request that failed counts with its latency; one that passed no queue not at all.
    waits = [
        float(row["queue_wait_ms"]) if ok else elapsed
        for row, elapsed, ok in zip(rows, latencies, good)
        if queues and (row["queue_wait_ms"] or not ok)
    ]
    seconds = (end_ms - start_ms) / 1000
    metrics = {
        "requests": len(rows),
        **{f"latencyMs.{level}": value for level, value in quantiles(latencies).items()},
        "latencyMs.mean": statistics.fmean(latencies),
        "goodputRps": sum(good) / seconds,
        "throughputRps": answered / seconds,
        "goodputBps": received * 8 / seconds,
        "errorRatio": (len(rows) - sum(good)) / len(rows),
        "sloAttainment": sum(met) / len(rows),
    }
    if waits:
        metrics.update((f"queueWaitMs.{level}", value) for level, value in quantiles(waits).items() if level != "p999")
        metrics["queueWaitMs.mean"] = statistics.fmean(waits)
    if episode:
        metrics.update(episode_metrics(folder, name, rows))
    if load_step:
        metrics.update(step_metrics(rows, met))
    return metrics


queued = {  # the arms and classes of which a response tells a wait in a message queue
    (arm, row["class"]) for (arm, _), folder in trials.items() for row in records(folder) if row.get("queue_wait_ms")
}
table = {}  # arm -> class -> block -> metrics
for (arm, block), folder in sorted(trials.items()):
    for name, slo in classes.items():
        metrics = trial_metrics(folder, name, slo, (arm, name) in queued)
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


def amount_interval(values):
    return each(lambda number: max(0.0, number), mean_interval(values))


intervals = {
    "errorRatio": proportion_interval,
    "sloAttainment": proportion_interval,
    "episode.moves": amount_interval,
    **{f"step.goodShare.{phase}": proportion_interval for phase in ("before", "during", "after")},
}
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


assert set(table) == set(summary["arms"]), (set(table), set(summary["arms"]))
estimates = {}  # (arm, class) -> metric -> value and interval
heads = f"{'arm':18}{'class':14}{'p50 ms':>9}{'p99 ms':>9}  {'95 % of p99':>20}{'Mbit/s':>9}{'errors':>9}{'SLO met':>9}"
print(heads + (f"{'wait ms':>10}  {'95 % of it':>20}{'req/s':>9}" if queued else ""))
for arm, published in summary["arms"].items():
    assert set(table[arm]) == set(published["classes"])
    for name, blocks in table[arm].items():
        own = {}
        for metric in {metric: None for metrics in blocks.values() for metric in metrics if metric != "requests"}:
            interval = intervals.get(metric, geometric_interval)
            own[metric] = interval([metrics[metric] for metrics in blocks.values() if metric in metrics])
            agree(f"{arm} {name} {metric}", own[metric], look_up(published["classes"][name], metric))
        assert ("queueWaitMs" in published["classes"][name]) == ("queueWaitMs.mean" in own)
        assert ("episode" in published["classes"][name]) == any(metric.startswith("episode.") for metric in own)
        assert ("step" in published["classes"][name]) == any(metric.startswith("step.") for metric in own)
        estimates[arm, name] = own
        assert sum(metrics["requests"] for metrics in blocks.values()) == published["classes"][name]["requests"]

        def spread(metric):
            low, high = own[metric][1:]
            return "no interval" if low is None else f"{low:.1f} to {high:.1f}"

        line = (
            f"{arm:18}{name:14}{own['latencyMs.p50'][0]:9.1f}{own['latencyMs.p99'][0]:9.1f}  {spread('latencyMs.p99'):>20}"
            f"{own['goodputBps'][0] / 1e6:9.2f}{own['errorRatio'][0]:9.2%}{own['sloAttainment'][0]:9.1%}"
        )
        if "queueWaitMs.mean" in own:
            line += f"{own['queueWaitMs.mean'][0]:10.1f}  {spread('queueWaitMs.mean'):>20}{own['throughputRps'][0]:9.1f}"
        print(line)
print(checked, "numbers recomputed from the raw records; all equal summary.json")
`;

/** Ratios and verdicts, compared with the summary. */
export const RATIOS_CELL = `def paired(metric, name, of, to):
    cells, others = table[of].get(name, {}), table[to].get(name, {})
    return [
        (cells[block][metric], others[block][metric])
        for block in sorted(set(cells) & set(others))
        if metric in cells[block] and metric in others[block]
    ]


def ratio_interval(pairs):
    if all(of > 0 and to > 0 for of, to in pairs):
        return geometric_interval([of / to for of, to in pairs])
    below = statistics.fmean(to for _, to in pairs)
    return (None if below == 0 else statistics.fmean(of for of, _ in pairs) / below), None, None


def round6(number):
    return None if number is None else float(f"{number:.6g}")


before = checked
ratios, differences = {}, {}
for published in summary["ratios"]:
    key = published["metric"], published["class"], published["of"], published["to"]
    pairs = paired(*key)
    ratios[key] = ratio_interval(pairs)
    agree(f"ratio {key}", ratios[key], published)
    differences[key] = mean_interval([of - to for of, to in pairs])
    agree(f"difference {key}", differences[key], published["difference"])
    assert len(pairs) == published["blocks"]
print(checked - before, "numbers of", len(ratios), "ratios recomputed; all equal summary.json")
print()

for finding in summary["findings"]:
    key = finding["metric"], finding["class"], finding["of"], finding["to"]
    none = None, None, None
    if finding.get("kind") == "value":
        found = estimates.get((finding["of"], finding["class"]), {}).get(finding["metric"], none)
    else:
        found = (differences if finding.get("kind") == "difference" else ratios).get(key, none)
    value, low, high = each(round6, found)
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
