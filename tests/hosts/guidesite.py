"""A site such as docs/guide.md has: public hubs, nameservers, a proxy, a firewall."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from lab import HTPASSWD, PASSWORD, Lab, LabHost
from multiplatform import Layout
from services import make_certificates, registry_config, wait_for

DOCKER_HUB, ELASTIC = 'registry-1.docker.io', 'docker.elastic.co'
ELASTICSEARCH = 'elasticsearch/elasticsearch:8.15.0'
USER = 'alice'
SERVER_AT, PROXY_AT, NAMES_AT, WRONG_NAMES_AT, HUB_AT, ELASTIC_AT, NOBODY_AT = (
    f'10.0.0.{n}' for n in (5, 31, 53, 54, 80, 81, 99)
)
QUAD9 = '9.9.9.9'
ADDRESSES = (
    *(PROXY_AT, NAMES_AT, WRONG_NAMES_AT, HUB_AT, ELASTIC_AT, NOBODY_AT),
    QUAD9,
)
PROXY_PORT = 3128
# A resolver that Go wrote looks at /etc/resolv.conf once in this time.
GO_RESOLVER_S = 5
TRUSTED = '/usr/local/share/ca-certificates'
# In a mount namespace of its own: this machine's file stays as it is.
WITH_NAMES = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
REFUSED = '-p tcp --dport 443 -j REJECT --reject-with tcp-reset'


class Site:
    """Stand-ins of public hubs behind a firewall, and what a site has of its own.

    The hubs have TLS, on port 443 of addresses of their own in the lab's network, by
    CAs that a host trusts after `trust`. docker.elastic.co wants the login of USER.
    The names are known to nameservers of the site alone, that of the server too. Use it
    as a context manager.
    """

    def __init__(
        self, lab: Lab, folder: Path, server: str = 'registry.example.internal'
    ) -> None:
        self._server = server
        self._lab = lab
        self._folder = folder
        self._closed: list[str] = []
        folder.chmod(0o755)

    def __enter__(self) -> Site:
        for address in ADDRESSES:
            self._lab.ip(f'addr add {address}/32 dev rh0')
        hub = f'{self._lab.hub.endpoint}/library'
        self._lab.copy_image(f'{hub}/hello', f'{hub}/busybox')
        self._authorities = [
            self._make_hub(DOCKER_HUB, HUB_AT, self._lab.folder / 'hub'),
            self._make_hub(ELASTIC, ELASTIC_AT, self._folder / 'elastic', login=USER),
        ]
        self._hub = self._start_hub(DOCKER_HUB, HUB_AT)
        self._start_hub(ELASTIC, ELASTIC_AT)
        self._fill_elastic()
        hubs = {DOCKER_HUB: HUB_AT, ELASTIC: ELASTIC_AT}
        names = {self._server: SERVER_AT, 'proxy.example.internal': PROXY_AT}
        self._start_names(NAMES_AT, names | hubs)
        self._start_names(WRONG_NAMES_AT, names | hubs | {DOCKER_HUB: NOBODY_AT})
        self._start_names(QUAD9, hubs)
        self._start_proxy(NAMES_AT)
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the network of the lab as it was."""
        for rule in self._closed:
            self._lab.run(['iptables', '-D', *rule.split()])
        for address in ADDRESSES:
            self._lab.ip(f'addr del {address}/32 dev rh0')

    # What stands there

    def _make_hub(
        self, name: str, address: str, root: Path, *, login: str = ''
    ) -> Path:
        """Write the config of a hub, and return its CA."""
        folder = self._folder / name
        folder.mkdir()
        htpasswd = folder / 'htpasswd'
        htpasswd.write_text(HTPASSWD.replace('lab:', f'{login}:'))
        authority, *pair = make_certificates(folder, name, address)
        config = registry_config(
            root,
            f'{address}:443',
            tls=(pair[0], pair[1]),
            htpasswd=htpasswd if login else None,
        )
        (folder / 'config.yml').write_text(config)
        return authority

    def _start_hub(self, name: str, address: str) -> subprocess.Popen[bytes]:
        folder = self._folder / name
        serve = ['docker-registry', 'serve', str(folder / 'config.yml')]
        hub = self._lab.spawn(serve, log=folder / 'log')
        self._wait_for_port(address, 443)
        return hub

    def _wait_for_port(self, address: str, port: int) -> None:
        ask = ['ss', '-Hltn', f'src {address}:{port}']
        wait_for(address, lambda: bool(self._lab.run(ask).stdout.strip()))

    def _fill_elastic(self) -> None:
        layout = Layout(self._folder / 'layout')
        layout.add('8.15.0', size=500_000)
        copy = ['skopeo', '--insecure-policy', 'copy', '--quiet', '--all']
        login = ['--dest-tls-verify=false', f'--dest-creds={USER}:{PASSWORD}']
        names = [
            f'oci:{layout.folder}:8.15.0',
            f'docker://{ELASTIC_AT}/{ELASTICSEARCH}',
        ]
        self._lab.run([*copy, *login, *names])

    def _start_names(self, address: str, names: dict[str, str]) -> None:
        folder = self._folder / f'names-{address}'
        folder.mkdir()
        folder.chmod(0o755)
        for name, at in names.items():
            (folder / name).write_text(f'{at} {name}\n')
        self._lab.start_nameserver(address, folder)

    def _start_proxy(self, nameserver: str) -> None:
        resolv_conf = self._folder / 'resolv.conf'
        resolv_conf.write_text(f'nameserver {nameserver}\n')
        program = str(Path(__file__).with_name('proxy.py'))
        spaces = ['unshare', '--mount', '--propagation=private', 'sh', '-c', WITH_NAMES]
        argv = [sys.executable, program, PROXY_AT, str(PROXY_PORT), 'works']
        log = self._folder / 'proxy.log'
        self._lab.spawn([*spaces, 'sh', str(resolv_conf), *argv], log=log)
        self._wait_for_port(PROXY_AT, PROXY_PORT)

    # What its hosts are

    def make_server(self, host: LabHost) -> None:
        """Give a host the address of the server, and the password of USER at hubs.

        Its apt knows the package from a folder of its own. The firewall lets it through
        to the hubs, and from now on no other host.
        """
        host.run('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*')
        host.run('cp /opt/archive/archive.list /etc/apt/sources.list.d/')
        host.run(f'ip addr add {SERVER_AT}/32 dev host0')
        host.write('/etc/resolv.conf', f'nameserver {NAMES_AT}\n')
        host.write('/root/elastic.password', PASSWORD, mode='600')
        # cron is in no image of the lab.
        host.run('mkdir /etc/cron.d')
        self.trust(host)
        for address in (HUB_AT, ELASTIC_AT):
            rule = f'INPUT -i rh0 ! -s {host.address} -d {address} {REFUSED}'
            self._lab.run(['iptables', '-A', *rule.split()])
            self._closed.append(rule)

    def make_client(self, host: LabHost, nameserver: str) -> None:
        host.run(f'ip route add {SERVER_AT} dev host0')
        host.write('/etc/resolv.conf', f'nameserver {nameserver}\n')

    def trust(self, host: LabHost) -> None:
        """Have a host trust the hubs as it trusts public ones."""
        for n, authority in enumerate(self._authorities):
            host.write(f'{TRUSTED}/hub-{n}.crt', authority.read_text())
        host.run('update-ca-certificates')
        host.restart_engine()

    def send_hub_elsewhere(self, host: LabHost) -> None:
        """Have the host's nameserver give an address for Docker Hub where nobody is.

        Connections that a cache has to the hub end, as they would after a while.
        """
        host.write('/etc/resolv.conf', f'nameserver {WRONG_NAMES_AT}\n')
        self._hub.kill()
        self._hub.wait()
        self._hub = self._start_hub(DOCKER_HUB, HUB_AT)
        time.sleep(GO_RESOLVER_S)
