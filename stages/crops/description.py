"""What the crops hold, for people."""

from stages.crops.limit import BEYOND

WIDTH = 9  # of a column of numbers


def describe(summary: dict) -> str:
    """The summary as lines of text: a table of class x split, then what was left out, treated and found."""
    names, counts = summary["classes"], summary["counts"]
    shown = names if len(names) <= 20 else []
    colours = "grey" if summary["channels"] == 1 else "colour"
    first = max(map(len, ["total", *shown]))
    lines = [f"{summary['title']}: {summary['size']} px, {colours}, {len(names)} classes"]
    lines.append(" " * first + "".join(split.rjust(WIDTH) for split in counts))
    lines += [name.ljust(first) + "".join(f"{row[name]:,}".rjust(WIDTH) for row in counts.values()) for name in shown]
    lines.append("total".ljust(first) + "".join(f"{sum(row.values()):,}".rjust(WIDTH) for row in counts.values()))
    lines.append(
        "mean "
        + " ".join(f"{v:.3f}" for v in summary["mean"])
        + ", std "
        + " ".join(f"{v:.3f}" for v in summary["std"])
    )
    beyond = summary.get("not_chosen", {}).get(BEYOND, 0)
    carved = {split: sum(counts[split].values()) for split in summary.get("carved", {})}
    pool = sum(counts["train"].values()) + beyond + sum(carved.values())
    for split, count in carved.items():
        lines.append(
            f"{split}: no such split was read; {count:,} pictures of train ({count / max(pool, 1):.0%}), stratified"
        )
    for title, key in (("left out", "left_out"), ("not chosen", "not_chosen"), ("treated", "treated")):
        lines += [f"{title}: {reason}: {count:,}" for reason, count in summary.get(key, {}).items()]
    if found := summary.get("duplicates"):
        lines.append(
            f"same pixels: {found['groups']:,} groups of {found['images']:,} images, "
            f"{found['across_splits']:,} across splits, {found['conflicting']:,} with conflicting labels; "
            f"{found['dropped_from_train']:,} dropped from train"
        )
    return "\n".join(lines + [f"note: {note}" for note in summary.get("notes", [])])
