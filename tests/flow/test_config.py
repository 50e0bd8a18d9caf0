"""``kfpush config``: every setting, where it comes from, no secret, and every slip named."""

import json
from pathlib import Path

from schemas.settings import Settings, environment_name
from tests.flow.commands import kfpush

ROOT = Path(__file__).parents[2]


def test_every_setting_is_told_with_its_origin(tmp_path: Path) -> None:
    """The environment wins over .env, which wins over the default; what follows from them is told too."""
    (tmp_path / ".env").write_text("KFPUSH_HOST_SLOTS=2\nKFPUSH_LOG_LEVEL=debug\nKFPUSH_NAMESPACE=\n")
    ended = kfpush("config", "--json", folder=tmp_path, env={"KFPUSH_LOG_LEVEL": "error"})

    told = json.loads(ended.stdout)
    settings = {item["name"]: (item["value"], item["origin"]) for item in told["settings"]}
    assert ended.returncode == 0
    assert set(settings) == {environment_name(field) for field in Settings.model_fields}
    assert all(item["meaning"] for item in told["settings"])
    assert settings["KFPUSH_LOG_LEVEL"] == ("error", "environment")
    assert settings["KFPUSH_HOST_SLOTS"] == (2, ".env")
    assert settings["KFPUSH_NAMESPACE"] == ("kfpush", "default")
    assert told["derived"]["sandboxed"] is True
    assert told["derived"]["own_url"] == told["derived"]["app_url"] == "sqlite:///.kfpush/kfpush.db"
    assert told["problem"] is None


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """Secrets and the passwords in URLs are masked, in the table and in JSON, in good settings and bad."""
    secrets = {
        "WEWORK_SECRET": "hush-secret",
        "WEWORK_TOKEN": "hushtoken",
        "WEWORK_AES_KEY": "hushhush" * 5 + "key",
        "KFPUSH_REDIS_URL": "redis://me:hu@sh@host:6379/0?password=hush-query",
        "KFPUSH_APP_DATABASE_URL": "postgresql://me:hush@host/db",
    }
    for more in ({"WEWORK_CORP_ID": "ww1"}, {}):
        for words in (["config"], ["config", "--json"]):
            ended = kfpush(*words, folder=tmp_path, env={**secrets, **more})
            assert "hush" not in ended.stdout + ended.stderr
            assert "hu@sh" not in ended.stdout + ended.stderr
            assert "redis://me:***@host:6379/0?password=***" in ended.stdout
            assert ended.returncode == (0 if more else 2)


def test_settings_that_contradict_are_refused(tmp_path: Path) -> None:
    """A contradiction and a value of the wrong kind end with 2 and a sentence, after everything was shown."""
    contradicting = kfpush("config", folder=tmp_path, env={"KFPUSH_SEND_TIMEOUT": "30"})
    wrong = kfpush("config", "--json", folder=tmp_path, env={"KFPUSH_SANDBOX_PORT": "no port"})

    assert contradicting.returncode == wrong.returncode == 2
    assert "KFPUSH_PUSH_LEASE (20 s) must outlast KFPUSH_SEND_TIMEOUT (30 s)" in contradicting.stderr
    assert "KFPUSH_MIRROR_GRACE" in contradicting.stdout
    assert json.loads(wrong.stdout)["problem"].startswith("KFPUSH_SANDBOX_PORT: ")


def test_a_slip_of_the_pen_is_pointed_out(tmp_path: Path) -> None:
    """A variable that nothing reads is named, with what was probably meant."""
    ended = kfpush("config", folder=tmp_path, env={"KFPUSH_DATADIR": "x"})

    assert ended.returncode == 0
    assert "KFPUSH_DATADIR is set, and nothing reads it; did you mean KFPUSH_DATA_DIR?" in ended.stderr


def test_the_example_file_tells_the_truth(tmp_path: Path) -> None:
    """Every line of .env.example names a setting, and every default in it is the default."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    examples = dict(
        line.removeprefix("# ").split("=", 1) for line in lines if "=" in line and ": " not in line
    )
    ended = kfpush("config", "--json", folder=tmp_path)

    told = json.loads(ended.stdout)
    defaults = {item["name"]: str(item["value"]) for item in told["settings"]}
    defaults["KFPUSH_DATABASE_URL"] = told["derived"]["own_url"]
    assert {name: defaults[name] for name in examples} == examples
