"""Campus's settings: from the environment, and the secret key in the data folder."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from campus.settings import CampusSettings, read_secret_key
from veche.settings import SettingsError, read_environment


def test_without_any_variable_the_site_is_one_sqlite_file_and_registration_needs_an_invitation() -> None:
    settings = read_environment(CampusSettings, {}, prefix="CAMPUS")
    assert settings == CampusSettings()
    assert settings.registration == "invitation"
    assert settings.database_url == f"sqlite:///{Path('var').absolute()}/campus.sqlite3"
    assert not settings.debug


def test_every_variable_is_read() -> None:
    variables = {
        "CAMPUS_DATABASE": "postgresql://db/campus",
        "CAMPUS_DATA_DIRECTORY": "/srv/campus",
        "CAMPUS_REGISTRATION": "open",
        "CAMPUS_DEFAULT_LANGUAGE": "ru",
        "CAMPUS_PUBLIC_URL": "https://campus.example",
        "CAMPUS_LAYOUT": "menu_in_footer",
        "CAMPUS_DEBUG": "1",
    }
    settings = read_environment(CampusSettings, variables, prefix="CAMPUS")
    assert settings == CampusSettings(
        database="postgresql://db/campus",
        data_directory="/srv/campus",
        registration="open",
        default_language="ru",
        public_url="https://campus.example",
        layout="menu_in_footer",
        debug=True,
    )
    assert settings.database_url == "postgresql://db/campus"


@pytest.mark.parametrize("name", ["registration", "default_language", "public_url", "debug"])
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_setting(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"--{name.replace('_', '-')} \(CAMPUS_{name.upper()}\): given 'perhaps'"):
        read_environment(CampusSettings, {f"CAMPUS_{name.upper()}": "perhaps"}, prefix="CAMPUS")


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: read_secret_key(folder), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert (folder / "secret-key").stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == ["secret-key"]


def test_a_key_that_others_can_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    read_secret_key(tmp_path)
    path = tmp_path / "secret-key"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        read_secret_key(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(SettingsError, match="holds 5 octets"):
        read_secret_key(tmp_path)
