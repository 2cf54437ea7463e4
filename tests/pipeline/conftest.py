from tests.jobs.conftest import study_config

__all__ = ["study_config"]
