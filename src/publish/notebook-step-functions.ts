/** The part of the notebook's trial cell that computes the figures of a step of the load. */
export const STEP_FUNCTIONS = `moments = [start_ms + step["atMs"] for workload in experiment["workloads"] for step in workload.get("steps", [])]
load_step = (min(moments), min(end_ms, max(moments))) if len(set(moments)) > 1 else None


def time_to_settle(due, begin, end):
    length, settled, last, at = end - begin, 0, 0, 0
    while at + 100 <= length:
        last = at
        own = [met for when, _, met in due if at <= when - begin < at + 100]
        if sum(own) < 0.9 * len(own):
            settled = at + 10
        at += 10
    return length if settled > last else settled


def step_metrics(rows, good):
    due = [(float(row["intended_ms"]), latency(row), met) for row, met in zip(rows, good)]
    phases = {"before": (start_ms, load_step[0]), "during": load_step, "after": (load_step[1], end_ms)}
    phases = {name: (begin, end, [one for one in due if begin <= one[0] < end]) for name, (begin, end) in phases.items()}
    metrics = {}
    for name, (begin, end, own) in phases.items():
        if not own:
            continue
        met = sum(one[2] for one in own)
        metrics[f"step.goodShare.{name}"] = met / len(own)
        if name == "during":
            levels = quantiles([took for _, took, _ in own])
            metrics.update((f"step.latencyMs.{level}", levels[level]) for level in ("p50", "p99"))
            metrics["step.goodRps"] = met / ((end - begin) / 1000)
        if name != "before":
            way = "up" if name == "during" else "down"
            metrics[f"step.timeToSettleMs.{way}"] = time_to_settle(own, begin, end)
    return metrics


`;
