"""What the console script says before it does anything."""

from __future__ import annotations

import re
import shlex

import pytest

from fiberledger import cli


@pytest.mark.parametrize("arguments", [["bogus"], ["tenant", "create"], ["ledger", "verify", "--nonsense"], []])
def test_what_is_not_understood_is_said_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2 and out == ""
    assert err.count("\n") == 1 and err.startswith("fiberledger: ") and "--help" in err


def test_the_manual_names_every_command_and_its_examples_are_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    manual = capsys.readouterr().out
    assert stopped.value.code == 0
    parser = cli.build_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    for name in commands.choices:
        assert re.search(rf"^    {name}\s", manual, re.M), name
    examples = re.findall(r"^  (fiberledger .+?)(?:\s{4,}.*)?$", manual, re.M)
    assert len(examples) == 7
    for example in examples:
        for one in example.split(" && "):
            assert parser.parse_args(shlex.split(one)[1:])
