"""The index of tests/harness."""

from pathlib import Path

from tests import harness


def test_every_module_of_the_harness_is_in_its_index_and_none_that_is_gone() -> None:
    folder = Path(harness.__file__).parent
    modules = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if path.name != "__init__.py"
    }
    listed = [line.split()[0] for line in (harness.__doc__ or "").splitlines()[1:] if line]
    assert sorted(listed) == sorted(modules)
