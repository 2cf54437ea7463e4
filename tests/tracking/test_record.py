"""Tags keep their names: runs that are logged already are found by them."""

from emo.process import owner
from emo.tracking import record


def test_the_names_of_tags_stay_what_they_were():
    assert (record.JOB, record.SWEEP, record.FINGERPRINT) == ("job", "sweep", "fingerprint")
    assert (record.CHECKSUMS, record.STALE, record.ERROR) == ("checksums", "stale", "error")
    assert record.SPOOL == "spool"
    assert record.DESCRIPTION == "mlflow.note.content"
    assert record.PARENT == "mlflow.parentRunId"
    assert record.TABLES == "mlflow.loggedArtifacts"
    assert record.SOURCE == "mlflow.source.name"


def test_the_tags_of_a_process_stay_what_they_were():
    assert (owner.HOST, owner.PID, owner.PROCESS_START) == ("host", "pid", "process_start")
    assert owner.PID_NAMESPACE == "pid_namespace"
    assert owner.owner().keys() - {owner.PID_NAMESPACE} == {
        owner.HOST,
        owner.PID,
        owner.PROCESS_START,
    }
