"""What the comparisons with libvpx share: running both encoders, and measuring what they make (by ffmpeg, luma only)."""
import math, os, re, resource, statistics, subprocess, sys

PROGRAM = os.environ.get("PROGRAM", "target/release/oyster")
QUANTIZERS = ((8, 9), (16, 20), (24, 29), (32, 43), (40, 59), (48, 82))  # the same steps on vpxenc's scale and on the format's


def run(*command):
    """What it says, and its user CPU in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def y4m(clip, frames, folder):
    """The clip's first frames."""
    path = os.path.join(folder, f"{frames}.y4m")
    run("ffmpeg", "-v", "error", "-y", "-i", clip, "-an", "-frames:v", str(frames), "-pix_fmt", "yuv420p",
        "-fps_mode", "passthrough", "-f", "yuv4mpegpipe", path)
    return path


def vpxenc(source, out, *options):
    """libvpx on one thread, one key frame, no frame dropped; answers its user CPU."""
    return run("vpxenc", "--codec=vp8", "--ivf", "--threads=1", "--kf-max-dist=9999", "--drop-frame=0", "--token-parts=0",
               "--quiet", "--disable-warning-prompt", *options, "-o", out, source)[1]


def at_quantizer(scale):
    """vpxenc's options for one quantizer throughout."""
    return f"--min-q={scale}", f"--max-q={scale}", f"--cq-level={scale}"


def ours(source, out, *options):
    return run(PROGRAM, "codec", "encode", source, "--output", out, "--threads", "1", *options)[1]


def frame_sizes(stream):
    """Of an IVF file, in bytes."""
    data, at, sizes = open(stream, "rb").read(), 32, []
    while at < len(data):
        sizes.append(int.from_bytes(data[at:at + 4], "little"))
        at += 12 + sizes[-1]
    return sizes


def quality(stream, source):
    """(bytes, PSNR, SSIM in dB) of luma."""
    graph = ("[0:v]settb=AVTB,setpts=N/30/TB,split[a][b];[1:v]settb=AVTB,setpts=N/30/TB,split[c][d];"
             "[a][c]psnr;[b][d]ssim")
    said = run("ffmpeg", "-v", "info", "-i", stream, "-i", source, "-lavfi", graph, "-f", "null", "-")[0].stderr
    ssim = float(re.search(r"SSIM Y:([0-9.]+)", said)[1])
    return os.path.getsize(stream), float(re.search(r"PSNR y:([0-9.]+)", said)[1]), -10 * math.log10(1 - ssim)


def bd_rates(anchor, other):
    """BD-rate by PSNR and by SSIM, in percent, between two lists of what quality() answers."""
    return [bd_rate(*([(point[0], point[i]) for point in curve] for curve in (anchor, other))) for i in (1, 2)]


def bd_rate(anchor, other):
    """Mean difference of log rate over the quality both reach, in percent; [(bytes, dB)], linear between points."""
    curves = [sorted((db, math.log(size)) for size, db in curve) for curve in (anchor, other)]

    def at(curve, db):
        (q0, r0), (q1, r1) = next(pair for pair in zip(curve, curve[1:]) if pair[0][0] <= db <= pair[1][0])
        return r0 + (r1 - r0) * (db - q0) / (q1 - q0)

    low, high = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    places = [low + (high - low) * (i + 0.5) / 200 for i in range(200)]
    return (math.exp(statistics.mean(at(curves[1], db) - at(curves[0], db) for db in places)) - 1) * 100


def name(clip):
    return os.path.splitext(os.path.basename(clip))[0]
