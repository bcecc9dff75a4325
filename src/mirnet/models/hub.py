"""Models shared on a hub, by huggingface_hub: pulled into its cache, and pushed.

Restoring never downloads: `pulled` finds only what `pull` has brought. Files are kept, resumed and
looked up as huggingface_hub does it, so its environment variables hold: `HF_ENDPOINT`, `HF_TOKEN`,
`HF_HOME`, `HF_HUB_OFFLINE`.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from mirnet.errors import HubError, MirnetError, WeightsError
from mirnet.extras import needs
from mirnet.models import card, identity
from mirnet.models.address import SUFFIXES, Address, beside, is_inside, is_model

CARD = "README.md"
"""Name of the model card in a repository."""
SECONDS = 30
"""Longest wait for an answer about a repository."""


@dataclass(frozen=True)
class Pulled:
    """A model that has been pulled."""

    address: Address
    """Its address, with the file."""
    path: Path
    """The file, in huggingface_hub's cache."""
    sha256: str
    """Digest of the file; compared with the hub's own where the hub states one."""
    licence: str
    """Licence by the repository's card; empty if it states none."""


def require(what: str) -> None:
    """Make sure that huggingface_hub is installed, and import it without its telemetry.

    It would report the versions of other packages and whether an agent runs it, and fetch a list
    of agents for that.

    Args:
        what: the feature that needs it; the message begins with it.

    Raises:
        RuntimeMissingError: if it is missing.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with needs("hub", what):
        import huggingface_hub  # noqa: F401


def pulled(address: Address) -> Path:
    """The file of a model that was pulled. Nothing is downloaded.

    Raises:
        WeightsError: if it was not pulled, or the address fits several files that were.
        RuntimeMissingError: if huggingface_hub is missing.
    """
    folder, file = _found(address)
    return folder / file


def card_of(address: Address) -> Path | None:
    """The card that was pulled with a model; None if there is none.

    Raises:
        WeightsError, RuntimeMissingError: as `pulled` does.
    """
    folder, _ = _found(address)
    place = folder / CARD
    return place if place.is_file() else None


def _found(address: Address) -> tuple[Path, str]:
    """The folder of a pulled revision, and the path of the model file in it."""
    require(str(address))
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    missing = WeightsError(f"{address} is not on this machine: mirnet models pull {address}")
    try:
        folder = huggingface_hub.snapshot_download(
            address.repository,
            revision=address.revision,
            allow_patterns=[address.file] if address.file else [f"*{each}" for each in SUFFIXES],
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        raise missing from None
    place = Path(folder)
    paths = (path for path in place.rglob("*") if path.is_file())
    files = sorted(path.relative_to(place).as_posix() for path in paths)
    if address.file is None and not any(map(is_model, files)):
        raise missing
    file = _chosen(address, files)
    if file not in files or beside(file) not in (None, *files):
        raise missing
    return place, file


def pull(address: Address) -> Pulled:
    """Download a model into huggingface_hub's cache, with the repository's card.

    What is there already is not downloaded again. Without a connection by wish (`HF_HUB_OFFLINE`)
    what was pulled before is returned.

    Args:
        address: the file may be left out if the repository has only one model file.

    Raises:
        HubError: if the hub cannot be reached, has no such repository, revision or file, refuses
            access, or sends something else than it states.
        WeightsError: if the repository holds no or several model files and none is named.
        RuntimeMissingError: if huggingface_hub is missing.
        OSError: if the cache cannot be written.
    """
    require("pulling models")
    from huggingface_hub import constants, hf_hub_download

    if constants.HF_HUB_OFFLINE:
        try:
            path = pulled(address)
        except WeightsError as error:
            raise HubError(f"offline, since HF_HUB_OFFLINE is set; {error}") from None
        readme = card_of(address)
        text = readme.read_text(encoding="utf-8", errors="replace") if readme else ""
        return Pulled(address, path, identity.digest(path), card.licence(text))
    with _explained(address):
        info = _api().model_info(
            address.repository, revision=address.revision, files_metadata=True, timeout=SECONDS
        )
        files = {one.rfilename: one for one in info.siblings or () if is_inside(one.rfilename)}
        file = _chosen(address, sorted(files))
        second = beside(file)
        for name in (file, second):
            if name and name not in files:
                raise HubError(f"{address}: the repository has no {name}")
        places: dict[str, Path] = {}
        for name in (file, second, CARD):
            if name and name in files:
                places[name] = Path(
                    hf_hub_download(address.repository, name, revision=address.revision)
                )
                _check(address, places[name], files[name].lfs, info.sha)
    licence = info.card_data.get("license") if info.card_data else None
    return Pulled(
        address.of(file),
        places[file],
        identity.digest(places[file]),
        licence if isinstance(licence, str) else "",
    )


def push(path: Path, address: Address, text: str, *, private: bool, replace_card: bool) -> str:
    """Upload a model file and its card in one commit; the repository is created if need be.

    Args:
        path: the model file; it keeps its name.
        address: of the repository alone.
        text: the card, with metadata.
        private: create the repository as a private one.
        replace_card: replace a card that the repository has already.

    Returns:
        Address of the page.

    Raises:
        HubError: if the hub cannot be reached or refuses, or the repository is public against
            `private`; nothing is changed then, except that an empty repository may be left.
        RuntimeMissingError: if huggingface_hub is missing.
    """
    require("pushing models")
    from huggingface_hub import CommitOperationAdd

    with _explained(address):
        api = _api()
        api.create_repo(address.repository, private=private or None, exist_ok=True)
        info = api.model_info(address.repository, timeout=SECONDS)
        if private and not info.private:
            raise HubError(f"{address} is there already and public: nothing was uploaded")
        has_card = any(one.rfilename == CARD for one in info.siblings or ())
        added = [CommitOperationAdd(path.name, str(path))]
        if replace_card or not has_card:
            added.append(CommitOperationAdd(CARD, text.encode()))
        api.create_commit(address.repository, added, commit_message=f"Add {path.name}")
        return f"{api.endpoint}/{address.repository}"


def _api() -> Any:  # noqa: ANN401 - huggingface_hub is not always installed
    from importlib.metadata import version

    from huggingface_hub import HfApi

    return HfApi(library_name="mirnet", library_version=version("mirnet"))


def _chosen(address: Address, files: Sequence[str]) -> str:
    """The model file that an address stands for.

    Raises:
        WeightsError: if it names none, and there is not exactly one.
    """
    if address.file:
        return address.file
    models = [file for file in files if is_model(file)]
    if not models:
        raise WeightsError(f"{address} has no file that mirnet opens ({' '.join(SUFFIXES)})")
    if len(models) > 1:
        raise WeightsError(
            f"{address} has {', '.join(models)}: name one, as in {address.of(models[0])}"
        )
    return models[0]


def _check(address: Address, path: Path, stated: Any, commit: str | None) -> None:  # noqa: ANN401
    """Compare a file with what the hub said of it.

    Raises:
        HubError: if it differs; the file is removed.
    """
    if commit and commit not in path.parts:
        raise HubError(f"{address} changed while it was pulled: pull it again")
    if stated and identity.digest(path) != stated.sha256:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise HubError(
            f"{address}: {path.name} has not the SHA-256 that the hub states, and was removed: "
            "pull it again"
        )


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    """Turn what huggingface_hub and its transport raise into one line.

    Raises:
        HubError: in their place.
        OSError: of the file system, as it is.
    """
    from huggingface_hub import constants, errors

    try:
        yield
    except MirnetError:
        raise
    except errors.GatedRepoError:
        reason = "its owner must grant access: ask on its page, then log in with `hf auth login`"
    except errors.RepositoryNotFoundError:
        reason = "there is no such repository, or it is private: log in with `hf auth login`"
    except errors.RevisionNotFoundError:
        reason = f"the repository has no revision {address.revision or 'main'}"
    except errors.RemoteEntryNotFoundError:
        reason = "the repository has no such file"
    except errors.OfflineModeIsEnabled:
        reason = "offline, since HF_HUB_OFFLINE is set"
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "nothing"
        reason = f"{constants.ENDPOINT} answered {status}"
        if status in (401, 403):
            reason += ": log in with `hf auth login`, or set HF_TOKEN to a token that may do this"
        elif error.server_message:
            reason += f" ({_line(error.server_message)})"
    except ValueError as error:  # of what is asked, such as a card's metadata
        reason = f"refused: {_line(error)}"
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise
        # transports differ between versions of huggingface_hub, and each has errors of its own
        cause = _line(error.__cause__ or error)
        reason = f"{constants.ENDPOINT} cannot be used ({cause}): check the connection"
    else:
        return
    raise HubError(f"{address}: {reason}")


def _line(error: object) -> str:
    """A message of others as one short printable line."""
    line = shorten(str(error), 200) or type(error).__name__
    return line if line.isprintable() else repr(line)
