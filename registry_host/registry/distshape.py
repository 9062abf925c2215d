"""Which keys distribution reads in its config, and as what.

A struct is a mapping of its keys; `*` stands for any key, a tuple of one for a list.
Source: configuration/configuration.go of distribution 2.8.2 and 3.1.1. Keys are
case-sensitive there, and one that is not known is passed over without a word.
"""

from __future__ import annotations

from typing import Any, Literal

# `any` is what a plain YAML value is; `params` a map of those.
Leaf = Literal[
    'text', 'bool', 'int', 'duration', 'texts', 'any', 'params', 'level', 'driver'
]
# Recursive, which no annotation here says: Leaf, a dict of shapes, or a tuple of one.
Shape = Any

_SCHEMA1 = {'signingkeyfile': 'text', 'enabled': 'bool'}
_HEADERS = {'*': 'texts'}
_HOOK = {
    'disabled': 'bool',
    'type': 'text',
    'levels': 'texts',
    'options': {
        'smtp': {
            'addr': 'text',
            'username': 'text',
            'password': 'text',
            'insecure': 'bool',
        },
        'from': 'text',
        'to': 'texts',
    },
}
_LOG = {
    'accesslog': {'disabled': 'bool'},
    'level': 'level',
    'formatter': 'text',
    'fields': 'params',
    'hooks': (_HOOK,),
}
_TLS = {
    'certificate': 'text',
    'key': 'text',
    'clientcas': 'texts',
    'minimumtls': 'text',
    'ciphersuites': 'texts',
    'letsencrypt': {'cachefile': 'text', 'email': 'text', 'hosts': 'texts'},
}
_HTTP = {
    'addr': 'text',
    'net': 'text',
    'host': 'text',
    'prefix': 'text',
    'secret': 'text',
    'relativeurls': 'bool',
    'draintimeout': 'duration',
    'tls': _TLS,
    'headers': _HEADERS,
    'debug': {'addr': 'text', 'prometheus': {'enabled': 'bool', 'path': 'text'}},
    'http2': {'disabled': 'bool'},
}
_ENDPOINT = {
    'name': 'text',
    'disabled': 'bool',
    'url': 'text',
    'headers': _HEADERS,
    'timeout': 'duration',
    'threshold': 'int',
    'backoff': 'duration',
    'ignoredmediatypes': 'texts',
    'ignore': {'mediatypes': 'texts', 'actions': 'texts'},
}
_CHECKER = {'interval': 'duration', 'threshold': 'int'}
_HEALTH = {
    'file': ({**_CHECKER, 'file': 'text'},),
    'http': (
        {
            **_CHECKER,
            'timeout': 'duration',
            'statuscode': 'int',
            'uri': 'text',
            'headers': _HEADERS,
        },
    ),
    'tcp': ({**_CHECKER, 'timeout': 'duration', 'addr': 'text'},),
    'storagedriver': {**_CHECKER, 'enabled': 'bool'},
}
_REDIS = {
    'addr': 'text',
    'password': 'text',
    'db': 'int',
    'dialtimeout': 'duration',
    'readtimeout': 'duration',
    'writetimeout': 'duration',
    'pool': {'maxidle': 'int', 'maxactive': 'int', 'idletimeout': 'duration'},
}
_PROXY = {'remoteurl': 'text', 'username': 'text', 'password': 'text'}
_URLS = {'allow': 'texts', 'deny': 'texts'}
_BOTH = {
    'version': 'text',
    'log': _LOG,
    'loglevel': 'level',
    'storage': 'driver',
    'auth': 'driver',
    'middleware': {'*': ({'name': 'text', 'disabled': 'bool', 'options': 'params'},)},
    'http': _HTTP,
    'notifications': {
        'events': {'includereferences': 'bool'},
        'endpoints': (_ENDPOINT,),
    },
    'redis': _REDIS,
    'health': _HEALTH,
    'catalog': {'maxentries': 'int'},
    'proxy': _PROXY,
    'validation': {
        'enabled': 'bool',
        'disabled': 'bool',
        'manifests': {'urls': _URLS},
    },
    'policy': {'repository': {'classes': 'texts'}},
}
_REPORTING = {
    'bugsnag': {'apikey': 'text', 'releasestage': 'text', 'endpoint': 'text'},
    'newrelic': {'licensekey': 'text', 'name': 'text', 'verbose': 'bool'},
}
_TLS_3 = {
    **_TLS,
    'clientauth': 'text',
    'letsencrypt': {**_TLS['letsencrypt'], 'directoryurl': 'text'},  # type: ignore[dict-item]
}
_INDEXES = {'platforms': 'text', 'platformlist': ('params',)}

SHAPES: dict[int, Shape] = {
    2: {
        **_BOTH,
        'reporting': _REPORTING,
        'compatibility': {'schema1': _SCHEMA1},
    },
    3: {
        **_BOTH,
        'log': {**_LOG, 'reportcaller': 'bool'},
        'http': {**_HTTP, 'tls': _TLS_3, 'h2c': {'enabled': 'bool'}},
        # The options of its client library, by the names of their fields in Go.
        'redis': 'params',
        'tags': {'maxtags': 'int'},
        'proxy': {
            **_PROXY,
            'ttl': 'duration',
            'exec': {'command': 'text', 'lifetime': 'duration'},
            'cachewritetimeout': 'duration',
        },
        'validation': {
            'enabled': 'bool',
            'disabled': 'bool',
            'manifests': {'urls': _URLS, 'indexes': _INDEXES},
        },
    },
}

# What stands beside the driver below `storage`, and is none.
NO_DRIVERS: dict[int, frozenset[str]] = {
    2: frozenset({'maintenance', 'cache', 'delete', 'redirect'}),
    3: frozenset({'maintenance', 'cache', 'delete', 'redirect', 'tag'}),
}
# Where a variable of the environment has another name than the key: the field in Go.
VARIABLE_NAMES: dict[tuple[str | int, ...], str] = {
    ('notifications', 'events'): 'EVENTCONFIG',
    ('health', 'file'): 'FILECHECKERS',
    ('health', 'http'): 'HTTPCHECKERS',
    ('health', 'tcp'): 'TCPCHECKERS',
    ('compatibility', 'schema1', 'signingkeyfile'): 'TRUSTKEY',
}
# What is read below keys that take anything, by those who take it.
KNOWN_PARAMS: dict[tuple[str, ...], frozenset[str]] = {
    ('storage', 'filesystem'): frozenset({'rootdirectory', 'maxthreads'}),
    ('storage', 'delete'): frozenset({'enabled'}),
    ('storage', 'redirect'): frozenset({'disable'}),
    ('storage', 'cache'): frozenset(
        {'blobdescriptor', 'layerinfo', 'blobdescriptorsize'}
    ),
    ('storage', 'maintenance'): frozenset({'uploadpurging', 'readonly'}),
    ('storage', 'maintenance', 'readonly'): frozenset({'enabled'}),
    ('storage', 'maintenance', 'uploadpurging'): frozenset(
        {'enabled', 'age', 'interval', 'dryrun'}
    ),
    ('auth', 'htpasswd'): frozenset({'realm', 'path'}),
}
