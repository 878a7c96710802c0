"""What the pages and the API work with: the parts of the daemon, as the wiring gives them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.people.deeds import Deeds
from daemon.people.touch_ups import TouchUps
from daemon.settings.current import CurrentSettings
from daemon.web.access.gate import Gate
from daemon.web.access.login_desk import LoginDesk
from daemon.web.access.provider_logins import ProviderLogins
from daemon.web.api.event_feed import EventFeed
from daemon.web.api.open_uploads import OpenUploads
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.pictures_served.shown_pictures import ShownPictures
from daemon.web.removebg.cutout_desk import CutOutDesk


@dataclass(frozen=True, kw_only=True)
class Site:
    """Each answer gets it. status: what runs now, as values for JSON, without the names of photos.

    provider_logins: None = nobody logs in elsewhere. clock: Unix seconds.
    """

    settings: CurrentSettings
    folders: HotFolder
    journal: Journal
    metrics: Metrics
    health: Health
    gate: Gate
    desk: LoginDesk
    provider_logins: ProviderLogins | None
    pictures: ShownPictures
    uploads: UploadDesk
    open_uploads: OpenUploads
    events: EventFeed
    cut_outs: CutOutDesk
    deeds: Deeds
    touch_ups: TouchUps
    clock: Callable[[], float]
    status: Callable[[], Mapping[str, object]]
