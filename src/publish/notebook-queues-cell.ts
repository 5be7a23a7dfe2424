/** What the message queues held, compared with the summary. */
export const QUEUES_CELL = `def samples(folder):
    with open(folder / "counters.jsonl") as file:
        lines = [json.loads(line) for line in file if line.strip()]
    return [line for line in lines if line["source"] == "broker" and start_ms <= line["t_ms"] < end_ms]


before = checked
print(f"{'arm':18}{'queue':14}{'priority':>10}{'waiting':>10}{'at most':>10}{'with consumers':>16}")
for arm, published in summary["arms"].items():
    own = [samples(folder) for (other, _), folder in sorted(trials.items()) if other == arm]
    assert {line["name"] for lines in own for line in lines} == set(published.get("queues", {}))
    for name, queue in published.get("queues", {}).items():
        held = [[line for line in lines if line["name"] == name] for lines in own]
        held = [lines for lines in held if lines]
        unacked = amount_interval([statistics.fmean(line["unacked"] for line in lines) for lines in held])
        agree(f"{arm} {name} unacked", unacked, queue["unacked"])
        most = max(sum(line["ready"].values()) for lines in held for line in lines)
        assert most == queue["mostReady"]
        for priority, depth in queue["ready"].items():
            ready = amount_interval(
                [statistics.fmean(line["ready"].get(priority, 0) for line in lines) for lines in held]
            )
            agree(f"{arm} {name} {priority}", ready, depth)
            print(f"{arm:18}{name:14}{priority:>10}{ready[0]:10.1f}{most:10d}{unacked[0]:16.1f}")
print(checked - before, "numbers recomputed from the samples of the broker's queues; all equal summary.json")
`;
