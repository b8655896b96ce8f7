"""Every change that may change a result makes another configuration, and nothing else does."""

from stages.running.configuration import fingerprint, of_sources


def test_fingerprint_is_of_the_values_not_their_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def test_sources_count_and_caches_do_not(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    before = of_sources(tmp_path)
    (tmp_path / "a.pyc").write_text("cache")
    assert of_sources(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2")
    assert of_sources(tmp_path) != before
