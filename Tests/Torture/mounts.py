"""File systems and boots of a phase's own, in a mount namespace that goes with the process. For root alone."""

import ctypes
import errno
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

from rig import IS_ROOT

CLONE_NEWNS = 0x00020000
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# FS_IOC_SHUTDOWN, alike for ext4 and xfs: _IOR('X', 125, __u32), and "do not even write the log out".
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


def why_not():
    """Why there can be no mounts here; None when there can."""
    if not IS_ROOT:
        return "only root can mount"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        return "mounting is not permitted here"
    return None


def unshare():
    """From now on this process and those that it starts have mounts of their own."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def mount_tmpfs(place, size, owner):
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755,uid={owner},gid={owner}", "none", place], check=True)


def resize_tmpfs(place, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)


def unmount(place):
    subprocess.run(["umount", "-l", place], check=False)
    shutil.rmtree(pathlib.Path(place).parent, ignore_errors=True)


class Boots:
    """Each boot has a name; a new one makes the old one history."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.names = []

    def boot(self):
        if self.names:
            self.close()
        self.names.append(str(uuid.uuid4()))
        file = self.folder / f"boot-{len(self.names)}"
        file.write_text(self.names[-1] + "\n")
        file.chmod(0o444)
        subprocess.run(["mount", "--bind", file, BOOT_ID], check=True)
        return self.names[-1]

    def close(self):
        subprocess.run(["umount", "-l", BOOT_ID], check=True)


class Disk:
    """A file system in a file, whose power can be cut."""

    SIZES = {"ext4": "512M", "xfs": "512M"}

    def __init__(self, kind):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scriptrunner-disk-"))
        self.folder.chmod(0o755)
        self.image = self.folder / "image"
        self.place = self.folder / "disk"
        self.place.mkdir()
        subprocess.run(["truncate", "-s", self.SIZES[kind], self.image], check=True)
        subprocess.run([f"mkfs.{kind}", "-q", self.image], check=True)
        self.mount()
        self.place.chmod(0o755)

    @staticmethod
    def kinds():
        """Those that can be made and mounted here."""
        known = pathlib.Path("/proc/filesystems").read_text().split()
        return [kind for kind in Disk.SIZES if shutil.which(f"mkfs.{kind}") and kind in known]

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True)

    def cut(self):
        """From this moment on nothing reaches the disk any more, and what was not there is lost."""
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, NO_LOG_FLUSH.to_bytes(4, "little"))
        finally:
            os.close(folder)

    def remount(self):
        end = time.monotonic() + 20
        while subprocess.run(["umount", self.place], capture_output=True, check=False).returncode:
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, f"{self.place} is still in use")
            time.sleep(0.01)
        self.mount()

    def close(self):
        subprocess.run(["umount", "-l", self.place], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
