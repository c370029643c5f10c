"""Where Kafka's jars and a Java that runs them come from."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from _ground import CACHE, EXIT_MISSING, ROOT, Trouble, locked, say

JARS_DIR = ROOT / "scripts" / "kafka-jars"
POM = JARS_DIR / "pom.xml"
JAVA_VERSION_MIN = 17


def kafka_version() -> str:
    """Return the version that the pom pins."""
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text())
    if found is None:
        raise Trouble(f"no kafka.version in {POM}")
    return found[1]


def resolve_jars() -> Path:
    """Return the folder of jars, resolving it with Maven the first time."""
    target = CACHE / f"kafka-{kafka_version()}"
    stamp = hashlib.sha256(POM.read_bytes()).hexdigest()
    with locked(CACHE / "jars.lock"):
        stamp_file = target / "pom.sha256"
        if stamp_file.exists() and stamp_file.read_text() == stamp:
            return target
        maven = shutil.which("mvn")
        if maven is None:
            raise Trouble(
                "Maven is missing; install it, for example: apt-get install maven",
                EXIT_MISSING,
            )
        fresh = target.with_name(f"{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        run_maven(maven, fresh)
        (fresh / "pom.sha256").write_text(stamp)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return target


def run_maven(maven: str, output: Path) -> None:
    """Copy the pom's run-time jars into `output`, saying how far it is."""
    say(f"resolving Apache Kafka {kafka_version()} with Maven (about 45 MB, once) ...")
    command = [maven, "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={output}"]
    lines: list[str] = []
    downloaded = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        if process.stdout is None:
            raise Trouble("Maven gave no output")
        for line in process.stdout:
            lines.append(line)
            if "Downloaded from" in line:
                downloaded += 1
                if downloaded % 25 == 0:
                    say(f"  {downloaded} files downloaded")
    if process.returncode != 0:
        errors = [line for line in lines if "ERROR" in line] or lines[-20:]
        raise Trouble("Maven could not resolve Kafka:\n" + "".join(errors[:8]))
    say(f"  {len(list(output.glob('*.jar')))} jars kept in {output.parent}")


def java() -> str:
    """Return the Java program, checking that it is new enough for Kafka 4."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which(str(Path(home) / "bin" / "java") if home else "java")
    remedy = (
        f"install Java {JAVA_VERSION_MIN} or newer, for example: "
        "apt-get install openjdk-17-jre-headless"
    )
    if program is None:
        raise Trouble(f"Java is missing; {remedy}", EXIT_MISSING)
    answer = subprocess.run(
        [program, "-version"], capture_output=True, text=True, check=False
    )
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if found is None or int(found[1]) < JAVA_VERSION_MIN:
        raise Trouble(f"{program} is too old or does not run; {remedy}", EXIT_MISSING)
    return program
