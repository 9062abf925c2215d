"""A network of real hosts: systemd and Docker in containers, registries, a name server.

All of it lives in a network namespace of its own: this machine's network and firewall
are never touched, several labs run side by side, and what is started ends with the
process that started it.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# Siblings, whether pytest or a script of scripts/ runs this.
import bounds
import images
import owners
import program
import services

GATEWAY = '10.99.0.1'
SILENT = '10.99.0.250'
HUB_PORT, CACHE_PORT, PUSH_PORT, LOGIN_PORT, TLS_PORT, WEB_PORT = (
    5001,
    5000,
    5002,
    5003,
    5443,
    8080,
)
PROXY_PORT = 3128
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
# The user lab of registries with a login, and its password by bcrypt.
PASSWORD = 'Tr4in-spotting'
HTPASSWD = 'lab:$2b$05$Aa0PwfNx4WosbjcMW3nFmOIsrV9dN25ci9U/a02dS0h2yxZqNu6HW\n'
# The name that the image's builder had: sudo looks it up.
NAME_ITSELF = 'echo "127.0.0.1 localhost $(cat /etc/hostname)" >/etc/hosts'
# What a machine has, and a container cannot have or has for nobody: a fifth of a boot.
OF_A_MACHINE = (
    'apt-daily-upgrade.timer',
    'apt-daily.timer',
    'console-getty.service',
    'dev-hugepages.mount',
    'dev-mqueue.mount',
    'dpkg-db-backup.timer',
    'modprobe@configfs.service',
    'modprobe@dm_mod.service',
    'modprobe@drm.service',
    'modprobe@efi_pstore.service',
    'modprobe@fuse.service',
    'modprobe@loop.service',
    'sys-fs-fuse-connections.mount',
    'sys-kernel-config.mount',
    'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount',
    'systemd-ask-password-console.path',
    'systemd-ask-password-wall.path',
    'systemd-modules-load.service',
    'systemd-update-utmp-runlevel.service',
    'systemd-update-utmp.service',
)
# A network namespace of its own around a host, and its link with an address that it
# keeps when it boots again: systemd-nspawn would derive it from the machine's name.
WITH_LINK = """
lab="nsenter --net=/proc/$1/ns/net ip link"
$lab add "$2" type veth peer name host0 address "$3" netns $$
$lab set "$2" master rh0 up
shift 3
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec "$@"
"""

_boots = itertools.count(1)


class Lab:
    """The network and what stands in it. Use it as a context manager.

    Labs with the same folder of `programs` build ours once.
    """

    def __init__(self, programs: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='registry-host-lab-'))
        self.programs = programs or self.folder / 'programs'
        self.hosts: list[LabHost] = []
        # Short, for the names of network links are made of it.
        self.machines = self.folder.name[-8:].replace('_', 'x')
        self._processes: list[subprocess.Popen[bytes]] = []
        self.bounds: bounds.Bounds | None = None

    def __enter__(self) -> Lab:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for host in tuple(self.hosts):
            host.close()
        for process in reversed(self._processes):
            _end(process)
        if self.bounds:
            self.bounds.close()
        else:
            self.folder.rmdir()

    def _start(self) -> None:
        if os.geteuid() != 0:
            raise PermissionError('the lab of real hosts needs root')
        self.bounds = bounds.Bounds(self.folder, self.machines)
        self._services = self.make_group('services')
        holder = ['unshare', '--net', 'sh', '-c', 'echo up; exec sleep infinity']
        self._holder = self.spawn(holder, is_inside=False, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        self.ip('link set lo up')
        self.ip('link add rh0 type bridge')
        self.ip(f'addr add {GATEWAY}/24 dev rh0')
        self.ip('link set rh0 up')
        self._start_names()
        self._start_site()
        self._start_registries()

    # Programs inside

    @property
    def namespace(self) -> list[str]:
        return ['nsenter', f'--net=/proc/{self.holder}/ns/net']

    @property
    def holder(self) -> int:
        """The process that holds the namespace."""
        return self._holder.pid

    def ip(self, words: str) -> None:
        self.run(['ip', *words.split()])

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a program of this machine inside the lab's network."""
        return subprocess.run([*self.namespace, *argv], check=True, capture_output=True)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        is_inside: bool = True,
        log: Path | None = None,
        stdout: int | None = None,
        env: dict[str, str] | None = None,
        group: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program that ends with us at the latest, even if we are killed."""
        output = open(log, 'wb') if log else None
        process = subprocess.Popen(
            [
                'setpriv',
                '--pdeathsig=KILL',
                *bounds.INSIDE,
                str(group or self._services),
                *(self.namespace if is_inside else ()),
                *argv,
            ],
            stdin=subprocess.DEVNULL,
            stdout=output or stdout or subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        if output:
            output.close()
        self._processes.append(process)
        return process

    def make_group(self, name: str) -> Path:
        """Make a cgroup for what is to end at once, and with the lab."""
        assert self.bounds is not None
        return self.bounds.make(name)

    # Names

    def _start_names(self) -> None:
        self._names = self.folder / 'names'
        self._names.mkdir()
        self.add_name('registry.lab', GATEWAY)
        self.add_name('proxy.lab', GATEWAY)
        self._names.chmod(0o755)
        self.folder.chmod(0o755)
        self.start_nameserver(GATEWAY)

    def _start_site(self) -> None:
        """Start what a site has: DHCP, and a nameserver that knows nothing of ours.

        DHCP serves hosts of `owners` alone, to each the address of its number.
        """
        self.ip(f'addr add {owners.SITE}/24 dev rh0')
        names, hosts = self.folder / 'site', self.folder / 'site-hosts'
        names.mkdir()
        for name in (owners.SITE_NAME, owners.SITE_ALONE):
            (names / name).write_text(f'{owners.SITE} {name}\n')
        hosts.write_text(
            ''.join(f'{_hardware(n)},10.99.0.{n}\n' for n in range(11, 200))
        )
        self._site_log = self.start_nameserver(
            owners.SITE,
            names,
            f'--domain={owners.SITE_DOMAIN}',
            f'--local=/{owners.SITE_DOMAIN}/',
            # Two minutes are the shortest lease that there is.
            '--dhcp-range=10.99.0.0,static,2m',
            f'--dhcp-hostsfile={hosts}',
            f'--dhcp-option=option:router,{GATEWAY}',
            f'--dhcp-leasefile={self.folder / "site-leases"}',
            '--dhcp-authoritative',
            # It would look for three seconds if others have the address.
            '--no-ping',
        )

    def leases(self, address: str) -> int:
        """Count how often the site's DHCP server gave an address to its host."""
        return self._site_log.read_text().count(f'DHCPACK(rh0) {address} ')

    def start_nameserver(
        self, address: str, names: Path | None = None, *options: str
    ) -> Path:
        """Start a nameserver of `names`, or of the lab's; return its log."""
        log = self.folder / f'dnsmasq-{address}.log'
        self.spawn(
            [
                'dnsmasq',
                '--no-daemon',
                '--conf-file=/dev/null',
                '--no-resolv',
                '--no-hosts',
                '--local=/lab/',
                '--bind-interfaces',
                '--except-interface=lo',
                f'--listen-address={address}',
                f'--hostsdir={names or self._names}',
                '--user=root',
                '--pid-file=',
                *options,
            ],
            log=log,
        )
        return log

    def add_name(self, name: str, address: str) -> None:
        (self._names / name).write_text(f'{address} {name}\n')

    # Registries

    def _start_registries(self) -> None:
        self.hub = self.start_registry('hub', HUB_PORT)
        self._push_hello()
        shared = self.folder / 'shared'
        upstream = f'http://{self.hub.endpoint}'
        self.cache = self.start_registry(
            'cache', CACHE_PORT, root=shared, upstream=upstream
        )
        self.push = self.start_registry('push', PUSH_PORT, root=shared)
        self.proxy_log = self.start_proxy('works', PROXY_PORT)

    def start_registry(
        self,
        name: str,
        port: int,
        *,
        root: Path | None = None,
        upstream: str | None = None,
        has_login: bool = False,
        has_tls: bool = False,
        address: str = GATEWAY,
    ) -> services.Service:
        """Start a registry; with TLS, its CA is `self.authority`."""
        htpasswd = self.folder / f'{name}.htpasswd'
        htpasswd.write_text(HTPASSWD)
        tls = None
        if has_tls:
            certificates = self.folder / f'{name}.tls'
            certificates.mkdir()
            self.authority, *pair = services.make_certificates(
                certificates, 'registry.lab', address
            )
            tls = (pair[0], pair[1])
        config = self.folder / f'{name}.yml'
        config.write_text(
            services.registry_config(
                root or self.folder / name,
                f'{address}:{port}',
                upstream=upstream,
                htpasswd=htpasswd if has_login else None,
                tls=tls,
            )
        )
        log = self.folder / f'{name}.log'
        service = services.Service(name, address, port, log)
        self.spawn(['docker-registry', 'serve', str(config)], log=log)
        services.wait_for(name, lambda: self.is_listening(port))
        return service

    def start_web_server(self) -> services.Service:
        """Start what answers HTTP and is no registry."""
        pages = self.folder / 'pages'
        pages.mkdir()
        log = self.folder / 'web.log'
        server = [sys.executable, '-m', 'http.server', str(WEB_PORT)]
        self.spawn([*server, '--bind', GATEWAY, '--directory', str(pages)], log=log)
        services.wait_for('web server', lambda: self.is_listening(WEB_PORT))
        return services.Service('web', GATEWAY, WEB_PORT, log)

    def start_proxy(self, mode: str, port: int) -> Path:
        """Start a proxy that works, or does not: see proxy.py. Returns its log."""
        log = self.folder / f'proxy-{port}.log'
        program = str(Path(__file__).with_name('proxy.py'))
        argv = [sys.executable, program, GATEWAY, str(port), mode]
        self.spawn(argv, log=log)
        services.wait_for('proxy', lambda: self.is_listening(port))
        return log

    def add_silent_address(self) -> str:
        """Make an address that takes what is sent to it and never answers."""
        self.ip(f'addr replace {SILENT}/32 dev rh0')
        self.run(['iptables', '-A', 'INPUT', '-d', SILENT, '-j', 'DROP'])
        return SILENT

    def is_listening(self, port: int) -> bool:
        shown = self.run(['ss', '-Hltn', f'sport = :{port}'])
        return bool(shown.stdout.strip())

    def _push_hello(self) -> None:
        layout = self.folder / 'hello'
        services.write_hello_image(layout, Path('/bin/busybox'))
        for name in ('hello', 'hello-world'):  # The latter is what a proof asks for.
            hub = f'{self.hub.endpoint}/library/{name}'
            self.copy_image(f'oci:{layout}:latest', hub)

    def copy_image(self, source: str, destination: str) -> None:
        skopeo = ['skopeo', '--insecure-policy', 'copy', '--quiet']
        plain = ['--src-tls-verify=false', '--dest-tls-verify=false']
        if source.startswith('docker://') is False and not source.startswith('oci:'):
            source = f'docker://{source}'
        self.run([*skopeo, *plain, source, f'docker://{destination}:latest'])

    # Hosts

    def host(
        self, suite: str, *, binds: Sequence[str] = (), is_lasting: bool = False
    ) -> LabHost:
        """Boot a throw-away host and wait until its engine answers.

        One that `is_lasting` keeps its files over a reboot; so does one of `owners`,
        whose name stands in place of a suite.
        """
        taken = {host.number for host in self.hosts}
        number = next(n for n in range(11, 200) if n not in taken)
        kind: type[LabHost] = LastingHost if is_lasting else LabHost
        if suite in owners.OWNERS:
            kind = OwnerHost
        host = kind(self, suite, number, binds)
        self.hosts.append(host)
        host.boot()
        return host


class LabHost:
    """One booted host. Everything that it writes goes to memory."""

    def __init__(self, lab: Lab, suite: str, number: int, binds: Sequence[str]) -> None:
        self.lab = lab
        self.suite = suite
        self.number = number
        self.name = f'{self._kind()}-{number}'
        self.address = f'10.99.0.{number}'
        self.log = lab.folder / f'{self.name}.log'
        self._binds = binds
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def _kind(self) -> str:
        return self.suite

    def _disks(self) -> list[str]:
        """The options of systemd-nspawn that say where files are."""
        return [
            f'--directory={images.ensure(self.suite)}',
            '--volatile=overlay',
            '--tmpfs=/var/lib/docker:mode=0711',
        ]

    def _network(self) -> list[str]:
        """The options of systemd-nspawn that say where the link is."""
        return ['--network-bridge=rh0']

    def _around(self) -> list[str]:
        """What systemd-nspawn is started with."""
        return _with_machine_id(self.lab.folder)

    def boot(self) -> None:
        # Both of which may have to be built first.
        image = images.ensure(self.suite)
        folder = program.ensure(self.lab.programs, image)
        disks = self._disks()
        with bounds.inotify_for_a_host():
            self._boot(folder, disks)

    def _boot(self, folder: Path, disks: Sequence[str]) -> None:
        boot = next(_boots)
        nspawn = [
            'systemd-nspawn',
            *disks,
            f'--machine={self.lab.machines}-{boot}',
            *self._network(),
            '--capability=all',
            '--system-call-filter=add_key keyctl bpf',
            '--resolv-conf=off',
            f'--bind-ro={folder}:/opt/registry-host',
            f'--bind-ro={folder}/registry-host:/usr/bin/registry-host',
            *(f'--bind-ro={bind}' for bind in self._binds),
            '--register=no',
            '--keep-unit',
            '--boot',
            # What a host does at its first boot alone, for files that are up to date.
            'systemd.condition_needs_update=no',
            *(f'systemd.mask={unit}' for unit in OF_A_MACHINE),
        ]
        self._group = self.lab.make_group(f'{self.name}-{boot}')
        self._nspawn = self.lab.spawn(
            [*self._around(), *nspawn],
            log=self.log,
            env={'SYSTEMD_NSPAWN_UNIFIED_HIERARCHY': '1'},
            group=self._group,
        )
        services.wait_for(f'{self.name}: boot', self._find_leader, timeout_s=60)
        self._configure_network()
        services.wait_for(f'{self.name}: D-Bus', self._is_bus_up, timeout_s=60)
        services.wait_for(f'{self.name}: engine', self.is_engine_up, timeout_s=120)

    def _find_leader(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise RuntimeError(f'{self.name} ended: {self.log.read_text()[-2000:]}')
        pid = self._nspawn.pid
        children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        for child in map(int, children):
            with contextlib.suppress(OSError):
                if Path(f'/proc/{child}/comm').read_text().strip() == 'systemd':
                    self.leader = child
        return bool(self.leader)

    def _configure_network(self) -> None:
        self._set_address()
        resolv_conf = f'echo "nameserver {GATEWAY}" >/etc/resolv.conf'
        self.run(f'{NAME_ITSELF} && rm -f /etc/resolv.conf && {resolv_conf}')

    def _set_address(self) -> None:
        links = Path(f'/proc/{self.leader}/net/dev')
        services.wait_for(
            f'{self.name}: network',
            lambda: ' host0:' in links.read_text(),
            timeout_s=60,
        )
        words = (
            f'addr add {self.address}/24 dev host0\nlink set host0 up\n'
            f'route add default via {GATEWAY}\n'
        )
        enter = ['nsenter', f'--target={self.leader}', '--net', 'ip', '-batch', '-']
        subprocess.run(enter, input=words.encode(), check=True, capture_output=True)

    def _is_bus_up(self) -> bool:
        """Whether the bus lets us in, as the first thing that it does for any client.

        It listens before it runs, and then the answer is waited for.
        """
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as bus:
            bus.settimeout(5)
            bus.connect(f'/proc/{self.leader}/root/run/dbus/system_bus_socket')
            # As user 0, in hexadecimal digits.
            bus.sendall(b'\0AUTH EXTERNAL 30\r\n')
            return bus.recv(64).startswith(b'OK ')
        return False

    def is_engine_up(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self._ask_engine('/_ping', timeout_s=5) == b'OK'
        return False

    def _ask_engine(self, path: str, *, timeout_s: float = 60) -> bytes:
        """Ask through the host's root: `docker` takes longer to start than to ask."""
        connection = http.client.HTTPConnection('localhost', timeout=timeout_s)
        with contextlib.closing(connection):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(timeout_s)
            connection.sock.connect(f'/proc/{self.leader}/root/run/docker.sock')
            connection.request('GET', path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise http.client.HTTPException(f'{path}: {answer.status}')
            return answer.read()

    # What is done there

    def run(
        self,
        command: str | Sequence[str],
        *,
        user: str = 'root',
        check: bool = True,
        stdin: str | None = None,
        env: dict[str, str] | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program, or a line of shell, with a login's plain environment."""
        argv = ['sh', '-c', command] if isinstance(command, str) else list(command)
        home = '/root' if user == 'root' else f'/home/{user}'
        variables = {'PATH': PATH, 'HOME': home, 'USER': user, 'LANG': 'C.UTF-8'}
        variables.update(env or {})
        words = ['env', '-i', *(f'{k}={v}' for k, v in variables.items())]
        become = ['setpriv', f'--reuid={user}', f'--regid={user}', '--init-groups']
        done = subprocess.run(
            [*self.enter, *words, *(become if user != 'root' else ()), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f'{self.name}: {command} exited {done.returncode}\n'
                f'{done.stdout}{done.stderr}'
            )
        return done

    @property
    def enter(self) -> list[str]:
        spaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd']
        return ['nsenter', f'--target={self.leader}', *spaces, '--']

    def read(self, path: str) -> str:
        return self.run(['cat', path]).stdout

    def write(
        self, path: str, content: str, *, mode: str = '644', owner: str = 'root:root'
    ) -> None:
        self.run(
            f'mkdir -p "$(dirname {path})" && cat >{path} && '
            f'chmod {mode} {path} && chown {owner} {path}',
            stdin=content,
        )

    def docker_info(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self._ask_engine('/info'))
        return found

    def mirrors(self) -> list[str]:
        config = self.docker_info()['RegistryConfig']
        assert isinstance(config, dict)
        return config['Mirrors'] or []

    def insecure(self) -> set[str]:
        config = self.docker_info()['RegistryConfig']
        assert isinstance(config, dict)
        hosts = {n for n, i in config['IndexConfigs'].items() if not i['Secure']}
        return hosts | set(config['InsecureRegistryCIDRs'])

    def start_container(self, name: str) -> str:
        """Start a container that stays, from an image without a registry; its id."""
        self.run('docker import /opt/registry-host/busybox.tar local/busybox')
        run = ['docker', 'run', '--detach', f'--name={name}']
        # The first process of a container ignores other signals, and the engine would
        # wait for ten seconds before it ends.
        run += ['--stop-signal=KILL', 'local/busybox', '/bin/busybox', 'sleep', '600']
        return self.run(run).stdout.strip()

    def in_container(
        self, *words: str, network: str = 'bridge', user: str = 'root'
    ) -> str:
        """Run a program of busybox in a new container, and return what it writes.

        It writes to a file: an engine can lose the output of a program that ends before
        the client has been attached (moby/moby#29285), and exits with 0.
        """
        image = 'docker image inspect local/busybox >/dev/null 2>&1 || '
        self.run(image + 'docker import /opt/registry-host/busybox.tar local/busybox')
        run = ['docker', 'run', '--rm', f'--network={network}', '-v', '/run/said:/said']
        written = ['/bin/busybox', 'sh', '-c', '"$@" >/said/output', 'sh']
        self.run([*run, 'local/busybox', *written, '/bin/busybox', *words], user=user)
        return self.run('cat /run/said/output && rm -r /run/said').stdout

    def journal(self, unit: str = 'docker.service') -> str:
        return self.run(['journalctl', '-q', '-o', 'cat', '-u', unit]).stdout

    def drop_in(self, *lines: str) -> None:
        """Change the engine's unit as an administrator would; no line: as it was."""
        path = '/etc/systemd/system/docker.service.d/test.conf'
        self.write(path, '\n'.join(('[Service]', *lines, '')))
        self.run('systemctl daemon-reload')

    def restart_engine(self) -> None:
        self.run('systemctl reset-failed docker; systemctl restart docker')
        services.wait_for(f'{self.name}: engine', self.is_engine_up, timeout_s=60)

    def cut_power(self) -> None:
        """End all that runs there at once."""
        if self._nspawn is not None:
            # Without its first process the container is over, and nspawn tidies up.
            if self.leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.leader, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._nspawn.wait(5)
            _end(self._nspawn)
            bounds.end(self._group)
        self._nspawn, self.leader = None, 0

    def close(self) -> None:
        self.cut_power()
        self.lab.hosts.remove(self)


class LastingHost(LabHost):
    """A host whose disk outlives its power.

    The disk is memory too, mounted in a namespace that a process of ours holds.
    """

    def __init__(self, lab: Lab, suite: str, number: int, binds: Sequence[str]) -> None:
        super().__init__(lab, suite, number, binds)
        self._disk = Path(tempfile.mkdtemp(prefix=f'{self.name}-', dir=lab.folder))
        layers = ':'.join(map(str, self._layers()))
        mount = (
            f'cd {self._disk} && {self._mount_disk()} && cd {self._disk} && '
            'mkdir upper work root docker && mount -t overlay overlay -o '
            f'lowerdir={layers},upperdir=upper,workdir=work root && '
            f'{self._prepare()} && echo up && exec sleep infinity'
        )
        holder = ['unshare', '--mount', '--propagation=slave', 'sh', '-c', mount]
        self._holder = lab.spawn(holder, is_inside=False, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        said = self._holder.stdout.readline().decode()
        if said != 'up\n':
            raise RuntimeError(f'{self.name}: no disk: {said}')

    def _layers(self) -> list[Path]:
        return [images.ensure(self.suite)]

    def _mount_disk(self) -> str:
        return 'mount -t tmpfs tmpfs .'

    def _prepare(self) -> str:
        """Write what is done to the disk before the first boot."""
        return 'true'

    def _disks(self) -> list[str]:
        return [
            f'--directory={self._disk}/root',
            f'--bind={self._disk}/docker:/var/lib/docker',
        ]

    def _around(self) -> list[str]:
        holder = f'--mount=/proc/{self._holder.pid}/ns/mnt'
        return ['nsenter', holder, *super()._around()]

    def close(self) -> None:
        super().close()
        _end(self._holder)
        self._disk.rmdir()


class OwnerHost(LastingHost):
    """A host whose /etc/resolv.conf has an owner, on the site's network."""

    def __init__(self, lab: Lab, name: str, number: int, binds: Sequence[str]) -> None:
        self.owner = owners.OWNERS[name]
        super().__init__(lab, self.owner.suite, number, binds)

    def _kind(self) -> str:
        return self.owner.name

    def _layers(self) -> list[Path]:
        return [owners.ensure(self.owner.name), *super()._layers()]

    def _mount_disk(self) -> str:
        if not self.owner.is_immutable:
            return super()._mount_disk()
        # Memory knows the flag since Linux 6.6 alone. This disk's file has no name, so
        # that it is gone with the host as memory is.
        make = 'truncate -s 1G image && mke2fs -q -t ext4 image'
        return f'{make} && mount -o loop image . && rm image'

    def _prepare(self) -> str:
        if self.owner.is_immutable:
            return 'chattr +i root/etc/resolv.conf'
        return 'cp root/etc/resolv.conf .' if self.owner.is_bind_mounted else 'true'

    def _disks(self) -> list[str]:
        disks = super()._disks()
        if self.owner.is_bind_mounted:
            disks.append(f'--bind={self._disk}/resolv.conf:/etc/resolv.conf')
        return disks

    def _network(self) -> list[str]:
        return []

    def _around(self) -> list[str]:
        link = [str(self.lab.holder), f'rh{next(_boots)}', _hardware(self.number)]
        script = ['unshare', '--net', 'sh', '-ec', WITH_LINK, 'sh', *link]
        return [*super()._around(), *script]

    def _configure_network(self) -> None:
        if not self.owner.renew:
            self._set_address()
        self.run(NAME_ITSELF)
        services.wait_for(f'{self.name}: names', lambda: self.knows(owners.SITE_NAME))

    def boot(self) -> None:
        """Boot until it has a lease, too: its name may be known without one."""
        before = self.lab.leases(self.address)
        super().boot()
        if self.owner.renew:
            self._await_lease(before)

    def knows(self, name: str) -> bool:
        """Ask the way that programs of the host do."""
        return self.run(['getent', 'ahosts', name], check=False).returncode == 0

    def renew_lease(self) -> None:
        """Have the owner ask the site for its address again."""
        before = self.lab.leases(self.address)
        self.run(self.owner.renew)
        self._await_lease(before)

    def _await_lease(self, before: int) -> None:
        services.wait_for(
            f'{self.name}: lease',
            lambda: self.lab.leases(self.address) > before,
        )


def _hardware(number: int) -> str:
    """Return the hardware address of the host with a number."""
    return f'02:00:0a:63:00:{number:02x}'


def _end(process: subprocess.Popen[bytes]) -> None:
    """End one process that we started, and wait for it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _with_machine_id(folder: Path) -> list[str]:
    """Give systemd-nspawn the machine id that it wants, where the machine has none.

    Seen by that process alone, in a mount namespace of its own.
    """
    path = Path('/etc/machine-id')
    if path.exists() and len(path.read_text().strip()) == 32:
        return []
    layers = folder / 'etc'
    (layers / 'upper').mkdir(parents=True, exist_ok=True)
    (layers / 'work').mkdir(exist_ok=True)
    (layers / 'upper/machine-id').write_text('0123456789abcdef0123456789abcdef\n')
    options = f'lowerdir=/etc,upperdir={layers}/upper,workdir={layers}/work'
    mount = f'mount -t overlay overlay -o {options} /etc && exec "$@"'
    return ['unshare', '--mount', '--propagation=slave', 'sh', '-c', mount, 'sh']


@contextlib.contextmanager
def opened() -> Iterator[Lab]:
    """A lab for as long as the block lasts; a terminating signal ends it too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Lab() as lab:
        yield lab
