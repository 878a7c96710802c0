"""The settings of a shop that pictures are sent to: what kind it is, where it is, which pictures it gets."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.settings.engine_sections import check_url
from daemon.settings.rendition_words import NAME_PATTERN
from daemon.settings.section import Section

ShopName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
ShopKind = Literal["shopify", "woocommerce", "ebay", "amazon"]
ShopSending = Literal["by_command", "when_done"]
ShopSecret = Literal["token", "password", "client_secret"]
SHOP_SECRETS: tuple[ShopSecret, ...] = ("token", "password", "client_secret")
_HERE = ("localhost", "127.0.0.1", "::1")


def _shop_url(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise ValueError('must begin with "https://": a login is sent there')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address alone, without a login and without anything behind ? or #")
    return check_url(value)


_Url = Annotated[str, AfterValidator(_shop_url)]


class ShopSettings(Section):
    """One shop. Its secrets are better kept as systemd's credentials than in the file."""

    kind: ShopKind = Field(description="What kind of shop it is.")
    address: _Url = Field(
        "",
        description='Where the shop is, e.g. "https://my-shop.myshopify.com" (of Shopify, the address that ends so) or '
        '"https://shop.example". "" = the operator\'s own, of eBay and Amazon.',
    )
    rendition: str = Field(
        pattern=NAME_PATTERN,
        max_length=40,
        description="The rendition that is sent, by its name in the settings or in the order.",
    )
    main_rendition: str = Field(
        "",
        max_length=40,
        description='Another one for the first picture of a product, e.g. "amazon-main". "" = the same.',
    )
    variant: str = Field(
        "", max_length=80, description='Which variant of the rendition is sent. "" = the one without a variant.'
    )
    send: ShopSending = Field(
        "by_command",
        description='"when_done": the daemon sends an order when its photos are done, and again when a result of it '
        'changes. "by_command": only `freisteller shops send` does.',
    )
    api_version: str = Field(
        "", max_length=20, description='The version of the API, e.g. "2026-10" of Shopify. "" = that which was tried.'
    )
    user: str = Field("", max_length=200, description="WooCommerce: the WordPress user of the application password.")
    client_id: str = Field(
        "", max_length=300, description="eBay, Amazon: the app's id. WooCommerce: the consumer key, if there is one."
    )
    seller: str = Field("", max_length=100, description="Amazon: the seller's id.")
    marketplace: str = Field(
        "", max_length=100, description='Amazon: the marketplace\'s id. eBay: its language, e.g. "de-DE".'
    )
    base_url: _Url = Field(
        "",
        description="Amazon: the folder on the web where it fetches the pictures; it takes no uploads. Must be https.",
    )
    folder: str = Field(
        "",
        max_length=1000,
        description="Amazon: the folder on this machine that base_url shows. The pictures are put there, with a hash "
        'in their names. "" = somebody else puts them there.',
    )
    ca_file: str = Field("", description="The certificate authority of the address, if it is not a usual one.")
    token: SecretStr = Field(
        SecretStr(""),
        description="Shopify: the access token. eBay, Amazon: the refresh token. Better: the credential "
        "`shops.token.NAME`.",
    )
    password: SecretStr = Field(
        SecretStr(""),
        description="WooCommerce: the application password. Better: the credential `shops.password.NAME`.",
    )
    client_secret: SecretStr = Field(
        SecretStr(""),
        description="eBay, Amazon: the app's secret. WooCommerce: the consumer secret. Better: the credential "
        "`shops.client_secret.NAME`.",
    )

    @model_validator(mode="after")
    def it_has_an_address(self) -> "ShopSettings":
        """Refuse a shop without what it cannot do without."""
        if self.kind in ("shopify", "woocommerce") and not self.address:
            raise ValueError(f'a shop of the kind "{self.kind}" needs its address')
        if self.kind == "amazon" and not (self.base_url and self.seller and self.marketplace):
            raise ValueError('a shop of the kind "amazon" needs seller, marketplace and base_url')
        return self
