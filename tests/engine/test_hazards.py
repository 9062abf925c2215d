from __future__ import annotations

import json

import pytest

from registry_host.engine.directives import parse_flags, parse_version, warnings
from registry_host.errors import Problem
from registry_host.jsonfile import jsontext

BOTH = {'registry-mirrors': [], 'insecure-registries': []}


def warned(document, version, words=''):
    content = json.dumps(document).encode()
    flags = parse_flags(['dockerd', *words.split()])
    return warnings(jsontext.read(content), version and parse_version(version), flags)


@pytest.mark.parametrize(
    ('document', 'version', 'words', 'codes'),
    (
        pytest.param({}, '28.5.2', '', [], id='nothing'),
        pytest.param(BOTH, None, '-H fd:// --containerd=/x', [], id='usual'),
        pytest.param(
            {}, None, '--max-concurrent-uploads=9', ['reload-resets-flag'], id='max'
        ),
        pytest.param(
            {'max-concurrent-downloads': 9}, None, '', [], id='max-in-the-file'
        ),
        pytest.param({}, '28.5.2', '--feature=x', ['reload-resets-flag'], id='feature'),
        pytest.param({}, '29.2.0', '--nri-opts=x', ['reload-resets-flag'], id='nri'),
        pytest.param({}, None, '--debug --label=a=b', [], id='kept-by-reload'),
        pytest.param(
            {'runtimes': {}},
            None,
            '--add-runtime=a=/x',
            ['reload-resets-flag'],
            id='runtimes-of-flags-give-way',
        ),
        pytest.param({}, None, '--add-runtime=a=/x', [], id='runtimes-of-flags-alone'),
        pytest.param(
            {'dns': ['192.0.2.1']}, '29.0.0', '', ['reload-corrupts-dns'], id='dns'
        ),
        pytest.param({}, '29.2.1', '--dns=192.0.2.1', ['reload-corrupts-dns']),
        pytest.param(
            {'host-gateway-ips': []}, '29.1.0', '', ['reload-corrupts-dns'], id='gate'
        ),
        pytest.param({'dns': ['192.0.2.1']}, '29.3.0', '', [], id='dns-fixed'),
        pytest.param({'dns': ['192.0.2.1']}, '28.5.2', '', [], id='dns-before'),
        pytest.param({'dns': ['192.0.2.1']}, None, '', [], id='dns-unknown-engine'),
        pytest.param(BOTH, '23.0.6', '', ['reload-loses-insecure'], id='23-lists'),
        pytest.param(BOTH, '23.0.7', '', [], id='23-lists-fixed'),
        pytest.param(BOTH, '24.0.0', '', ['reload-loses-insecure'], id='24-lists'),
        pytest.param(BOTH, '24.0.1', '', [], id='24-lists-fixed'),
        pytest.param({'registry-mirrors': []}, '23.0.0', '', [], id='one-list'),
        pytest.param(
            {'registry-mirrors': []},
            '24.0.9',
            '--insecure-registry=x',
            ['reload-resets-flag'],
            id='insecure-flag',
        ),
        pytest.param(
            {'registry-mirrors': []}, '25.0.0', '--insecure-registry=x', [], id='fixed'
        ),
        pytest.param(
            {'graph': '/x'}, '20.10.24', '', ['directive-obsolete'], id='ends-soon'
        ),
        pytest.param({'graph': '/x'}, '28.5.2', '', [], id='ended-is-an-error'),
        pytest.param(
            {
                'storage-driver': 'devicemapper',
                'storage-opts': ['dm.basesize=9G', 'overlay2.override_kernel_check=1'],
            },
            '24.0.0',
            '',
            ['directive-obsolete', 'directive-obsolete'],
            id='storage-that-ends-soon',
        ),
        pytest.param(
            {'storage-driver': 'overlay2', 'storage-opts': ['overlay2.size=9G']},
            None,
            '',
            [],
            id='storage-that-stays',
        ),
        pytest.param(
            {'deprecated-key-path': '/x'},
            '24.0.0',
            '',
            ['directive-obsolete'],
            id='without-effect',
        ),
        pytest.param({'deprecated-key-path': '/x'}, '23.0.0', '', [], id='in-effect'),
    ),
)
def test_warnings(document, version, words, codes):
    assert [problem.code for problem in warned(document, version, words)] == codes


@pytest.mark.parametrize(
    ('document', 'version', 'words', 'problem'),
    (
        pytest.param(
            {},
            None,
            '--authorization-plugin=x',
            Problem(
                code='reload-resets-flag',
                message='--authorization-plugin is given as a flag alone: at a reload '
                'it is dropped: the engine then authorises everyone'
                '; move it from the unit into daemon.json, as '
                '"authorization-plugins"',
            ),
            id='flag',
        ),
        pytest.param(
            {'storage-opts': ['overlay2.override_kernel_check=true']},
            '20.10.24',
            '',
            Problem(
                code='directive-obsolete',
                where='1:19',
                message='"overlay2.override_kernel_check" in "storage-opts" keeps '
                'Docker 24.0 and newer from starting'
                '; remove it',
            ),
            id='storage-opts',
        ),
        pytest.param(
            {'dns': ['192.0.2.1']},
            '29.2.1',
            '',
            Problem(
                code='reload-corrupts-dns',
                where='1:2',
                message='Docker 29.2.1 corrupts "dns" at every reload, for containers '
                'that start later'
                '; upgrade to 29.3, or restart the engine afterwards',
                hint='sudo systemctl restart docker',
            ),
            id='dns',
        ),
        pytest.param(
            BOTH,
            '24.0.0',
            '',
            Problem(
                code='reload-loses-insecure',
                where='1:26',
                message='Docker 24.0 loses the insecure registries at a reload'
                '; upgrade to 24.0.1, or restart the engine afterwards',
                hint='sudo systemctl restart docker',
            ),
            id='lists',
        ),
        pytest.param(
            {'graph': '/x'},
            None,
            '',
            Problem(
                code='directive-obsolete',
                where='1:2',
                message='"graph" keeps Docker 23.0 and newer from starting'
                '; rename it to "data-root"',
            ),
            id='ends',
        ),
        pytest.param(
            {'allow-nondistributable-artifacts': []},
            '28.1.0',
            '',
            Problem(
                code='directive-obsolete',
                where='1:2',
                message='"allow-nondistributable-artifacts" has no effect since Docker '
                '28.1'
                '; remove it',
            ),
            id='ignored',
        ),
    ),
)
def test_warning(document, version, words, problem):
    assert warned(document, version, words) == (problem,)
