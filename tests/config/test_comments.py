"""What yamls say in comments: read whole, and every option of conf/ says enough."""

import pytest

from vaelab.config import comments, locate

YAML = """\
# @package metrics.mine
# What it is
# in a sentence (Paper, 2000). And more
# of it.
# paper: Author, 2001
# cost: minutes
# vaelab evaluate run=R metric=[mine]
_target_: mine.Mine   # not a setting
plain: 5
said: 5              # of it
longer: [1, 2]       # first: a line
                     # and another
quoted: "a # b"      # the rest
# a line of its own
node:                # of all
  inner: null        # of one
  "on": [a]          # yaml 1.1 reads it as true
"""


def test_head_and_settings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(YAML)
    assert comments.head(path) == (
        "What it is in a sentence (Paper, 2000).", "And more of it.", "Author, 2001", "minutes",
        ["vaelab evaluate run=R metric=[mine]"],
    )  # fmt: skip
    found = comments.beside(path)
    assert found == {
        "_target_": "not a setting", "said": "of it", "longer": "first: a line and another", "quoted": "the rest",
        "node": "of all", "node.inner": "of one", "node.on": "yaml 1.1 reads it as true",
    }  # fmt: skip
    path.write_text("plain: 1\n")
    assert comments.head(path) == ("", "", None, None, []) and comments.beside(path) == {}


def test_settings_that_are_shared_are_explained():
    found = comments.of_option("dataset", "mnist")
    assert (
        "Lanczos" in found["resize"] and comments.of_option("explorer", "none")["split"] == "whose codes are on the map"
    )


@pytest.mark.parametrize("group", locate.groups())
def test_every_option_says_what_it_is_in_a_sentence(group):
    for option in locate.options(group):
        head = comments.head(locate.option_file(group, option))
        assert 15 < len(head.sentence) < 300 and head.sentence.endswith((".", "?")), (group, option, head.sentence)
        assert not (head.paper or "").endswith("."), option
