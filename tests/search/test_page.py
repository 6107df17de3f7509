"""The page on the search: its list of settings is whole, and states the defaults."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from qeopt.search.settings import SearchSettings
from qeopt.spec.model import build

PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def test_the_page_states_every_setting_with_its_default() -> None:
    (listed,) = re.findall(r"```yaml\n(search:.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    stated = YAML(typ="safe").load(listed)["search"]
    assert build(SearchSettings, stated) == SearchSettings()
    assert stated.keys() == SearchSettings.model_fields.keys()
