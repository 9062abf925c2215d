from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from registry_host.errors import ConfigError, ConflictError, LockedError
from registry_host.host.filedoor import _get_flags_request
from registry_host.host.host import Host
from registry_host.host.records import FileState, User

PATH = '/etc/docker/daemon.json'


@pytest.fixture
def host(tmp_path):
    (tmp_path / 'etc/docker').mkdir(parents=True)
    return Host(str(tmp_path))


def put(tmp_path, path, content, mode=0o644):
    file = tmp_path / path.lstrip('/')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)
    return file


def replace(host, path, **changes):
    before = host.read(path)
    return host.replace_file(before, before._replace(**changes))


def listing(tmp_path):
    return sorted(
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob('*')
        if path.is_file()
    )


# Reading


def test_absent_file(host, tmp_path):
    assert host.read(PATH) == FileState(
        path=PATH,
        realpath=str(tmp_path / 'etc/docker/daemon.json'),
        content=None,
        mode=0,
        uid=os.geteuid(),
        gid=os.getegid(),
    )


def test_missing_folders_are_named(host, tmp_path):
    state = host.read('/home/a/.docker/config.json')
    assert state.missing_folders == tuple(
        str(tmp_path / name) for name in ('home', 'home/a', 'home/a/.docker')
    )


def test_read_file(host, tmp_path):
    put(tmp_path, PATH, b'{}', 0o640)
    state = host.read(PATH)
    assert (state.content, state.mode) == (b'{}', 0o640)


@pytest.mark.parametrize(
    ('link', 'target'),
    (
        pytest.param('daemon.json', '/srv/real.json', id='absolute-stays-in-root'),
        pytest.param('daemon.json', '../../srv/real.json', id='relative'),
        pytest.param(
            'daemon.json', '../../../../../srv/real.json', id='above-the-root'
        ),
    ),
)
def test_links_are_followed_inside_the_root(host, tmp_path, link, target):
    put(tmp_path, '/srv/real.json', b'real')
    (tmp_path / 'etc/docker' / link).symlink_to(target)
    state = host.read(PATH)
    assert state.realpath == str(tmp_path / 'srv/real.json')
    assert state.content == b'real'


def test_linked_folder_stays_in_the_root(host, tmp_path):
    put(tmp_path, '/srv/docker/daemon.json', b'real')
    (tmp_path / 'etc/docker').rmdir()
    (tmp_path / 'etc/docker').symlink_to('/srv/docker')
    assert host.read(PATH).content == b'real'


def test_link_loop(host, tmp_path):
    (tmp_path / 'etc/docker/daemon.json').symlink_to('daemon.json')
    with pytest.raises(ConfigError) as caught:
        host.read(PATH)
    (problem,) = caught.value.problems
    assert problem.code == 'config-unreadable'
    assert problem.message == ('cannot be read (Too many levels of symbolic links)')


def test_folder_in_place_of_a_file(host, tmp_path):
    (tmp_path / 'etc/docker/daemon.json').mkdir()
    with pytest.raises(ConfigError) as caught:
        host.read(PATH)
    assert str(caught.value) == (f'{PATH}: is a folder, not a file; move it away')


def test_fifo_does_not_block(host, tmp_path):
    os.mkfifo(tmp_path / 'etc/docker/daemon.json')
    with pytest.raises(ConfigError) as caught:
        host.read(PATH)
    assert str(caught.value) == (
        f'{PATH}: is not a plain file, not a file; move it away'
    )


def test_same_file(host, tmp_path):
    file = put(tmp_path, '/a', b'')
    os.link(file, tmp_path / 'b')
    (tmp_path / 'c').symlink_to('/a')
    put(tmp_path, '/d', b'')
    assert host.is_same_file('/a', '/b')
    assert host.is_same_file('/c', '/b')
    assert not host.is_same_file('/a', '/d')
    assert not host.is_same_file('/a', '/nonexistent')


def test_flags_of_a_file(host, tmp_path):
    file = put(tmp_path, '/a', b'')
    (tmp_path / 'c').symlink_to('/a')
    done = subprocess.run(['chattr', '+i', file], capture_output=True)
    if done.returncode != 0:
        pytest.skip('no chattr, or not for us, or not on this file system')
    try:
        assert host.file_flags('/c') & 0x10
    finally:
        subprocess.run(['chattr', '-i', file], check=True)
    assert host.file_flags('/c') & 0x10 == 0
    assert host.file_flags('/nonexistent') == 0


def test_flags_where_there_are_none():
    assert Host().file_flags('/proc/self/status') == 0


@pytest.mark.parametrize(
    ('machine', 'direction'),
    (
        ('x86_64', 0x8),
        ('aarch64', 0x8),
        ('s390x', 0x8),
        ('ppc64le', 0x4),
        ('mips', 0x4),
    ),
)
def test_number_of_the_request_for_flags(machine, direction):
    assert _get_flags_request(machine) & 0xF000FFFF == direction << 28 | 0x6601


# Replacing


def test_create_with_folder(host, tmp_path):
    os.rmdir(tmp_path / 'etc/docker')
    before = os.umask(0o077)
    try:
        assert replace(host, PATH, content=b'new', mode=0o644) == 'renamed'
    finally:
        os.umask(before)
    file = tmp_path / 'etc/docker/daemon.json'
    assert file.read_bytes() == b'new'
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755


def test_private_folder(host, tmp_path):
    path = '/home/a/.docker/config.json'
    state = host.read(path, folder_mode=0o700)
    host.replace_file(state, state._replace(content=b'x', mode=0o600))
    folder = tmp_path / 'home/a/.docker'
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o755


def test_mode_owner_and_attributes_survive(host, tmp_path):
    file = put(tmp_path, PATH, b'old', 0o640)
    if host.is_root:
        os.chown(file, 1234, 4321)
    os.setxattr(file, 'user.origin', b'puppet')
    before = host.read(PATH)
    host.replace_file(before, before._replace(content=b'new'))
    after = host.read(PATH)
    assert after == before._replace(content=b'new')
    assert os.getxattr(file, 'user.origin') == b'puppet'


def test_link_stays_a_link(host, tmp_path):
    put(tmp_path, '/srv/real.json', b'old')
    link = tmp_path / 'etc/docker/daemon.json'
    link.symlink_to('/srv/real.json')
    replace(host, PATH, content=b'new')
    assert os.readlink(link) == '/srv/real.json'
    assert (tmp_path / 'srv/real.json').read_bytes() == b'new'


def test_link_to_nowhere_makes_no_folders(host, tmp_path):
    (tmp_path / 'etc/docker/daemon.json').symlink_to('/nowhere/real.json')
    with pytest.raises(FileNotFoundError):
        replace(host, PATH, content=b'new')
    assert not (tmp_path / 'nowhere').exists()


def test_remove(host, tmp_path):
    put(tmp_path, PATH, b'old')
    assert replace(host, PATH, content=None) == 'removed'
    assert host.read(PATH).content is None


class BindMounted(Host):
    """A file that was mounted on its own cannot be renamed over."""

    def rename(self, source: str, destination: str, flags: int) -> None:
        raise OSError(errno.EBUSY, 'Device or resource busy', destination)


@pytest.mark.parametrize('new', (b'much longer than before', b'', b'old'))
def test_bind_mount_is_overwritten_in_place(tmp_path, new):
    file = put(tmp_path, PATH, b'old bytes')
    inode = file.stat().st_ino
    host = BindMounted(str(tmp_path))
    assert replace(host, PATH, content=new) == 'in-place'
    assert (file.read_bytes(), file.stat().st_ino) == (new, inode)
    assert listing(tmp_path) == ['etc/docker/daemon.json']


class Refusing(Host):
    def rename(self, source: str, destination: str, flags: int) -> None:
        raise OSError(errno.EPERM, 'Operation not permitted', destination)


def test_failed_rename_leaves_the_old_file_and_no_other(tmp_path):
    file = put(tmp_path, PATH, b'old')
    host = Refusing(str(tmp_path))
    with pytest.raises(PermissionError):
        replace(host, PATH, content=b'new')
    assert file.read_bytes() == b'old'
    assert listing(tmp_path) == ['etc/docker/daemon.json']


def test_readers_see_old_or_new_but_nothing_between(host, tmp_path):
    old, new = b'a' * 100_000, b'b' * 100_000
    file = put(tmp_path, PATH, old)
    seen = set()
    is_over = threading.Event()

    def read_on():
        while not is_over.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for content in (new, old) * 50:
            replace(host, PATH, content=content)
    finally:
        is_over.set()
        reader.join()
    assert seen <= {old, new}


# Another writer, who knows nothing of us


class Overtaken(Host):
    """Somebody writes the file between our last look and our rename."""

    def rename(self, source: str, destination: str, flags: int) -> None:
        ours = destination if source.endswith('.registry-host') else source
        theirs = f'{ours}.theirs'
        with open(theirs, 'wb') as file:
            file.write(b'theirs')
        if not self.is_done:
            self.is_done = True
            os.rename(theirs, ours)
        else:
            os.unlink(theirs)
        super().rename(source, destination, flags)

    is_done = False


@pytest.mark.parametrize(
    ('old', 'new'),
    (
        pytest.param(b'old', b'new', id='replaced'),
        pytest.param(b'old', None, id='removed'),
        pytest.param(None, b'new', id='created'),
    ),
)
def test_what_another_wrote_at_the_last_moment_stays(tmp_path, old, new):
    file = tmp_path / 'etc/docker/daemon.json'
    file.parent.mkdir(parents=True)
    if old is not None:
        put(tmp_path, PATH, old)
    with pytest.raises(ConflictError) as caught:
        replace(Overtaken(str(tmp_path)), PATH, content=new)
    assert caught.value.exit_code == 75
    assert file.read_bytes() == b'theirs'
    assert listing(tmp_path) == ['etc/docker/daemon.json']


# One writer at a time


def test_second_writer_is_told(host, tmp_path):
    with host.lock(), pytest.raises(LockedError) as caught, Host(host.root).lock():
        pass
    assert caught.value.exit_code == 75
    assert str(caught.value) == (
        '/var/lib/registry-host: another run is changing this host'
    )
    with host.lock():
        pass
    folder = tmp_path / 'var/lib/registry-host'
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    with host.lock():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_private_file_is_in_memory_for_programs_of_root(host, tmp_path):
    content = b'secret' * 100_000
    with host.private_file(content) as path:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, 'rb') as file:
            assert file.read() == content
        assert host.run(['cat', path]).out.encode() == content
        assert listing(tmp_path) == []
    assert not os.path.exists(path)


# Users


def test_users_of_the_root_not_of_this_machine(host, tmp_path):
    put(
        tmp_path,
        '/etc/passwd',
        b'root:x:0:0::/root:/bin/sh\nalice:x:1000:1001:A,,,:/home/alice:/bin/sh\n#x\n',
    )
    alice = User(name='alice', uid=1000, gid=1001, home='/home/alice')
    assert host.find_user(name='alice') == alice
    assert host.find_user(uid=1000) == alice
    assert host.find_user(name='nobody') is None


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root to be another')
NOBODY = User(name='nobody', uid=65534, gid=65534, home='/nonexistent')


@pytest.fixture
def home():
    """A folder of nobody's that is not below pytest's own, which only root enters."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix='registry-host-test-')
    os.chown(folder, NOBODY.uid, NOBODY.gid)
    yield folder
    shutil.rmtree(folder)


@needs_root
def test_users_file_is_written_as_the_user(home):
    host = Host()
    path = f'{home}/.docker/config.json'
    state = host.read(path, user=NOBODY, folder_mode=0o700)
    host.replace_file(state, state._replace(content=b'{}', mode=0o600))
    for made, mode in ((f'{home}/.docker', 0o700), (path, 0o600)):
        found = os.stat(made)
        assert (found.st_uid, found.st_gid) == (NOBODY.uid, NOBODY.gid)
        assert stat.S_IMODE(found.st_mode) == mode
    assert host.read(path, user=NOBODY).content == b'{}'


@needs_root
def test_a_users_link_reveals_nothing_of_roots(home, tmp_path):
    secret = put(tmp_path, '/secret', b'root only', 0o600)
    os.symlink(secret, f'{home}/config.json')
    with pytest.raises(ConfigError) as caught:
        Host().read(f'{home}/config.json', user=NOBODY)
    (problem,) = caught.value.problems
    assert problem.code == 'config-unreadable'
    assert problem.message == (
        "cannot be read as nobody (Permission denied); is it root's by mistake?"
    )


@needs_root
def test_a_users_link_overwrites_nothing_of_roots(home, tmp_path):
    victim = put(tmp_path, '/victim', b'root only', 0o644)
    host = Host()
    state = host.read(f'{home}/config.json', user=NOBODY)
    with pytest.raises(PermissionError):
        host.replace_file(
            state, state._replace(realpath=str(victim), content=b'owned', mode=0o600)
        )
    assert victim.read_bytes() == b'root only'


@needs_root
def test_large_file_of_a_user_comes_back_whole(home):
    path = f'{home}/config.json'
    content = bytes(range(256)) * 4000
    with open(path, 'wb') as file:
        file.write(content)
    assert Host().read(path, user=NOBODY).content == content


# Programs


def test_run_and_its_failures():
    host = Host()
    done = host.run(['sh', '-c', 'echo out; echo err >&2; exit 3'])
    assert (done.code, done.out, done.err, done.is_ok) == (3, 'out\n', 'err\n', False)
    assert host.run(['/nonexistent']).code is None
    assert host.run(['sleep', '5'], timeout_s=0.1).err == 'no end within 0 s'


def test_what_a_program_has_started_does_not_outlive_its_time(tmp_path):
    pidfile = tmp_path / 'pid'
    script = f'sleep 60 & echo $! >{pidfile}; wait'
    assert Host().run(['sh', '-c', script], timeout_s=0.3).code is None
    pid = int(pidfile.read_text())
    # Its files are closed a moment before it is gone.
    for _ in range(100):
        state = Host().proc_text(pid, 'stat')
        if not state or ' Z ' in state:
            return
        time.sleep(0.02)
    raise AssertionError(state)


@needs_root
def test_a_group_without_rights_is_the_users_own(home):
    """Only root could keep it; it gives nobody anything."""
    path = f'{home}/config.json'
    with open(path, 'wb') as file:
        file.write(b'{}')
    os.chmod(path, 0o600)
    os.chown(path, NOBODY.uid, 0)
    host = Host()
    state = host.read(path, user=NOBODY)
    assert state.gid == NOBODY.gid
    host.replace_file(state, state._replace(content=b'{"a": 1}'))
    assert host.read(path, user=NOBODY).content == b'{"a": 1}'
    os.chmod(path, 0o640)
    os.chown(path, NOBODY.uid, 0)
    assert host.read(path, user=NOBODY).gid == 0


@needs_root
def test_lock_ends_though_a_child_has_it_open(host):
    with host.lock():
        child = os.fork()
        if child == 0:
            threading.Event().wait(30)
            os._exit(0)
    try:
        with Host(host.root).lock():
            pass
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@needs_root
def test_a_child_that_is_stopped_does_not_stop_us(home, monkeypatch):
    from registry_host.host import privileges

    monkeypatch.setattr(privileges, 'TIMEOUT_S', 0.5)

    def stop():
        os.kill(os.getpid(), 19)
        return ''

    with pytest.raises(TimeoutError):
        privileges.run_as(NOBODY, stop)
    with pytest.raises(ChildProcessError):
        privileges.run_as(NOBODY, lambda: os._exit(0))


def test_processes_by_any_of_several_names(tmp_path):
    """The kernel keeps 15 letters of a name (TASK_COMM_LEN)."""
    long = tmp_path / 'systemd-resolved'
    long.symlink_to('/bin/sleep')
    with subprocess.Popen([long, '60']) as process:
        found = Host().processes('nonesuch', 'systemd-resolved')
        process.kill()
    (mine,) = (p for p in found if p.pid == process.pid)
    assert (mine.name, mine.argv) == ('systemd-resolved', (str(long), '60'))
    assert mine.uid == os.geteuid()
    assert Host().processes('nonesuch') == ()


@pytest.mark.skipif(os.geteuid() != 0, reason='makes namespaces')
@pytest.mark.parametrize('uid', (0, 65534), ids=('root', 'anyone'))
def test_a_process_of_a_container_is_none_of_this_host(uid):
    argv = [
        'unshare',
        '--pid',
        '--mount',
        '--fork',
        'sh',
        '-c',
        'echo $$; exec sleep 9',
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'1\n'
        children = f'/proc/{process.pid}/task/{process.pid}/children'
        pid = int(Path(children).read_text())
        os.seteuid(uid)
        try:
            assert Host().process(process.pid) is not None
            assert Host().process(pid) is None
        finally:
            os.seteuid(0)
            os.kill(pid, 9)


@pytest.mark.skipif(os.geteuid() != 0, reason='makes namespaces')
def test_files_that_another_process_has_in_their_place():
    script = 'mount -t tmpfs x /run && echo && exec sleep 9'
    with subprocess.Popen(
        ['unshare', '--mount', 'sh', '-c', script], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            host, pid = Host(), process.pid
            spaces = {host.namespace_of(each, 'mnt') for each in (pid, 'self')}
            assert len(spaces) == 2
            paths = ('/', '/etc', '/nonexistent', '/run')
            shared = [path for path in paths if host.is_shared_with(pid, path)]
            assert shared == ['/', '/etc', '/nonexistent']
        finally:
            process.kill()
    assert Host().namespace_of(process.pid, 'mnt') == ''


def test_an_engine_that_listens_at_a_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'tcp://127.0.0.1:{server.getsockname()[1]}'
        with Host().connect_engine(address, timeout_s=5):
            pass
    for address in ('tcp://127.0.0.1:0', 'tcp://127.0.0.1:x', 'tcp://127.0.0.1:99999'):
        with pytest.raises(ConnectionRefusedError):
            Host().connect_engine(address, timeout_s=5)
