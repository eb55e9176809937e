"""The class does its sums, refuses what it has to, and keeps its history."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

STEPS = [
    (["add(50)", "spend(20)", "add(0.25)"], []),
    (["add(10)", "spend(10)", "add(3)", "spend(1)"], ["spend(2.5)", "add(0)"]),
    (
        ["add(100)", "spend(30)", "spend(0.5)"],
        ["spend(70.01)", "add(-5)", "spend(0)", "spend(-10)"],
    ),
]


def check(task):
    for good, bad in STEPS:
        lines = ["wallet = script.Wallet()", "other = script.Wallet()"]
        lines += [f"value('wallet.{call}')" for call in good]
        lines += [f"out.append(raises('wallet.{call}'))" for call in bad]
        lines += ["out.append(wallet.balance())", "out.append(list(wallet.history()))"]
        lines += ["out.append(other.balance())", "out.append(list(other.history()))"]
        run, results = task.execute("\n".join(lines))
        changes = [float(call[4:-1]) if call[0] == "a" else -float(call[6:-1]) for call in good]
        for call, raised in zip(bad, results):
            if "ValueError" not in raised:
                run.wrong(f"{call} does not raise ValueError after {good}")
        balance, history, other, others = results[len(bad) :]
        if balance != sum(changes):
            run.wrong(f"the balance is {balance!r} after {good} and the refused {bad}")
        if history != changes:
            run.wrong(f"the history is {str(history)[:60]} after {good} and the refused {bad}")
        if other != 0 or others:
            run.wrong("a second wallet is not empty")


if __name__ == "__main__":
    main(check)
