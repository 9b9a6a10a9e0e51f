"""What forms leave behind, and forms byte for byte."""

import re


def jobs(site):
    return site.query("SELECT count(*) AS n FROM jobs")[0]["n"]


def kept(site):
    return site.query("SELECT * FROM files ORDER BY id")


def incoming(site):
    folder = site.state / "inbox/.incoming"
    return list(folder.iterdir()) if folder.exists() else []


def multipart(fields, boundary="limit"):
    """A form's body byte for byte: pairs of the header's parameters and the content."""
    parts = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; ".encode() + parameters + b"\r\n\r\n" + content + b"\r\n"
        for parameters, content in fields
    )
    return parts + f"--{boundary}--\r\n".encode()


def number_of(answer):
    assert answer.status_code == 200 and "/jobs/" in answer.url, answer.text
    return int(re.search(r"/jobs/(\d+)", answer.url).group(1))
