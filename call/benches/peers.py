"""Two peers of a call as processes of this machine, for the campaigns beside this file. PROGRAM=… names another oyster."""
import json, os, subprocess

PROGRAM = os.path.abspath(os.environ.get("PROGRAM", "target/release/oyster"))


def start(folder, name, *arguments, camera="pattern", size="160x96", microphone="none", display="none", **streams):
    """`oyster` with these arguments and what a call is made with; figures go to NAME.json, words to NAME.log."""
    media = ["--camera", camera, "--size", size, "--microphone", microphone, "--speaker", "none", "--display", display,
             "--json", f"{folder}/{name}.json"]
    environment = {**os.environ, "XDG_CONFIG_HOME": os.path.join(folder, name)}
    words = open(f"{folder}/{name}.log", "a")
    return subprocess.Popen([PROGRAM, *arguments, *media], env=environment, text=True, stderr=words, cwd=folder, **streams)


def answer(folder, *arguments, **media):
    """An answerer that says yes, and its ticket."""
    process = start(folder, "answer", "answer", "--listen", "127.0.0.1:0", "--accept", *arguments, stdout=subprocess.PIPE, **media)
    return process, process.stdout.readline().strip()


def call(folder, ticket, *arguments, **media):
    return start(folder, "call", "call", ticket, *arguments, stdout=subprocess.DEVNULL, **media)


def port(process):
    """Where an answerer listens."""
    sockets = subprocess.run(["ss", "-Hulnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    address = next(line.split()[3] for line in sockets if f"pid={process.pid}," in line)
    return int(address.rsplit(":", 1)[1])


def words(folder, name):
    with open(f"{folder}/{name}.log") as log:
        return log.read()


def figures(folder, name):
    with open(f"{folder}/{name}.json") as file:
        return json.load(file)


def look(process):
    """Resident KiB, threads, descriptors."""
    with open(f"/proc/{process.pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]), int(fields["Threads"]), len(os.listdir(f"/proc/{process.pid}/fd"))
