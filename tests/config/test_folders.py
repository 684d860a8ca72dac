from vaelab.config import folders

JOB = {"seed": 0, "beta": 1.0, "trainer": {"epochs": 2, "threads": None}, "data_dir": None, "device": "auto"}


def test_hash_ignores_where_and_how_but_not_what():
    same = {**JOB, "data_dir": "/elsewhere", "device": "cpu", "trainer": {"epochs": 2, "threads": 4}}
    assert folders.config_hash(JOB) == folders.config_hash(same)
    assert folders.config_hash(JOB) != folders.config_hash({**JOB, "beta": 2.0})
    assert folders.config_hash(JOB) != folders.config_hash({**JOB, "trainer": {"epochs": 3, "threads": None}})


def test_a_setting_that_says_what_its_absence_said_changes_no_hash():
    """Sweeps of before `binarize_seed` go on; where it gives other pixels the hash is another."""

    def of(seed, **dataset):
        return folders.config_hash({**JOB, "seed": seed, "dataset": dataset})

    for seed in (0, 1):
        assert of(seed, binarize="none") == of(seed, binarize="none", binarize_seed=7)
        assert of(seed, binarize="dynamic") == of(seed, binarize="dynamic", binarize_seed=0)
        assert of(seed, binarize="static") == of(seed, binarize="static", binarize_seed=None)
        assert of(seed, binarize="static") == of(seed, binarize="static", binarize_seed=seed)
    assert of(1, binarize="static") != of(1, binarize="static", binarize_seed=0)


def test_short_overrides_fit_a_file_name():
    assert folders.short_overrides(["beta=4", "model.filters=[1,2]", "data_dir=/a/b"]) == "beta=4,filters=_1,2_"
    assert len(folders.short_overrides([f"model.setting_{n}={n}" for n in range(30)])) == 60


def test_two_runs_of_one_second_get_two_folders(tmp_path):
    first, second = folders.make_unique(tmp_path, "t"), folders.make_unique(tmp_path, "t")
    assert (first.name, second.name) == ("t", "t-2")


def test_a_setting_that_says_what_was_meant_before_it_changes_no_hash():
    """A sweep of before the setting, typed again, finds its jobs; another value is another job."""
    standard = {"_target_": "vaelab.priors.standard.Standard"}
    assert folders.config_hash({**JOB, "prior": standard}) == folders.config_hash(JOB)
    assert folders.config_hash({**JOB, "prior": {"_target_": "mine.Prior"}}) != folders.config_hash(JOB)
