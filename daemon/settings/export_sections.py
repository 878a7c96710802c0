"""The settings of exports: which product a photo shows, and what the lists for shops need to know."""

from typing import Annotated

from pydantic import AfterValidator, Field

from daemon.settings.export_words import base_url_of, list_name_of, pattern_of
from daemon.settings.section import Section


class ProductSettings(Section):
    """Which product a photo shows: the list says it first, then the pattern, then the name of the photo's folder."""

    list: Annotated[str, AfterValidator(list_name_of)] = Field("products.csv", max_length=120)
    pattern: Annotated[str, AfterValidator(pattern_of)] = Field("", max_length=200)
    by_folder: bool = False


class ExportSettings(Section):
    """Where exported pictures can be fetched, and whose pictures each list for a shop has."""

    base_url: Annotated[str, AfterValidator(base_url_of)] = Field("", max_length=1000)
    shopify: str = Field("", max_length=60)
    google: str = Field("", max_length=60)
    woocommerce: str = Field("", max_length=60)
