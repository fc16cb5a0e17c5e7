"""The PROXY header, versions 1 and 2."""

from veche.wire.proxy.header import BadProxyHeader, NoProxyHeader, ProxiedEnds, ProxyHeaderReader

__all__ = ["BadProxyHeader", "NoProxyHeader", "ProxiedEnds", "ProxyHeaderReader"]
