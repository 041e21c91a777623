#!/usr/bin/env python3
"""Makes the photographs of the blog example.

The pictures are computed, not taken: ridges, water, clouds and film grain from seeded noise, so that the example needs no
licence but the repository's own and anybody can make it again. Their output is committed; run this only to change it.

    python3 -m venv /tmp/photos && /tmp/photos/bin/pip install numpy pillow
    /tmp/photos/bin/python examples/blog/photos/make.py

Each tenant has a folder of its own. `photos/acme/harbour.jpg` is stored for tenant acme under the object key `photos/harbour.jpg`.
Both tenants have a `sunrise.jpg`, on purpose: the same key, another picture.
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
GRAIN = 3.2  # standard deviation of the film grain, of 255


class Scene:
    """A picture in the making: floating point RGB in 0..1, painted from the back to the front."""

    def __init__(self, width, height, seed):
        self.width, self.height = width, height
        self.random = np.random.default_rng(seed)
        self.pixels = np.zeros((height, width, 3), np.float32)
        self.y, self.x = np.mgrid[0:height, 0:width].astype(np.float32)
        self.v, self.u = self.y / height, self.x / width  # 0..1 from the top left corner

    def noise(self, columns, rows, octaves=5, gain=0.5):
        """Fractal noise in 0..1: random grids, each twice as fine and half as strong as the one before."""
        total, weight, strength = np.zeros((self.height, self.width), np.float32), 0.0, 1.0
        for octave in range(octaves):
            shape = (min(rows << octave, self.height), min(columns << octave, self.width))
            grid = Image.fromarray((self.random.random(shape) * 255).astype(np.uint8))
            grid = grid.resize((self.width, self.height), Image.Resampling.BICUBIC)
            total += strength * np.asarray(grid, np.float32) / 255
            weight, strength = weight + strength, strength * gain
        return np.clip(total / weight, 0, 1)

    def line(self, columns, octaves=7, gain=0.5):
        """One-dimensional fractal noise in -1..1: the outline of a ridge."""
        x, total, weight, strength = np.arange(self.width), np.zeros(self.width), 0.0, 1.0
        for octave in range(octaves):
            knots = self.random.random((columns << octave) + 2)
            at = np.linspace(0, self.width - 1, len(knots))
            total += strength * np.interp(x, at, knots)
            weight, strength = weight + strength, strength * gain
        return (total / weight * 2 - 1).astype(np.float32)

    def mix(self, colour, amount):
        """Paints `colour` (a triple, or an image of triples) with `amount` (0..1 for each pixel) of cover."""
        amount = np.clip(amount, 0, 1)[..., None]
        self.pixels = self.pixels * (1 - amount) + np.asarray(colour, np.float32) * amount

    def sky(self, stops):
        """A vertical gradient through `(position, colour)` stops."""
        positions, colours = [p for p, _ in stops], np.array([c for _, c in stops], np.float32)
        for channel in range(3):
            self.pixels[..., channel] = np.interp(self.v, positions, colours[:, channel])

    def clouds(self, colour, top, bottom, density=0.5, softness=0.22, stretch=4):
        """A bank of clouds between two heights, stretched by the wind."""
        cover = (self.noise(3, 3 * stretch, 7, 0.55) - (1 - density)) / softness
        band = np.clip((self.v - top) / 0.1, 0, 1) * np.clip((bottom - self.v) / 0.12, 0, 1)
        self.mix(colour, np.clip(cover, 0, 1) * band)

    def sun(self, u, v, radius, colour, glow):
        """A disc with a halo that fades with the distance."""
        aspect = self.height / self.width
        distance = np.hypot(self.u - u, (self.v - v) * aspect)
        self.pixels += np.array(colour, np.float32) * (glow * np.exp(-distance / 0.16))[..., None]
        self.mix((2.4, 2.2, 1.9), (radius - distance) / 0.003 + 0.5)

    def ridge(self, base, height, colour, columns=3, rough=0.5, light=0.12, haze=None):
        """A range of hills: everything below an outline, shaded, lighter towards its foot where haze gathers."""
        outline = base - height * self.line(columns, 8, rough)
        inside = np.clip((self.v - outline[None, :]) * self.height, 0, 1)
        # Slopes that face the light are brighter: the derivative of the outline, dissolved into noise with depth.
        slope = np.gradient(np.convolve(np.pad(outline, 40, mode="edge"), np.ones(81) / 81, mode="valid")) * self.width / 2
        depth = np.clip((self.v - outline[None, :]) / 0.25, 0, 1)
        shade = (1 - depth) * np.clip(slope, -1, 1)[None, :] * light + (self.noise(24, 24, 5, 0.6) - 0.5) * light * 1.6
        body = np.array(colour, np.float32) * (1 + shade[..., None] * 3)
        if haze is not None:
            body = body * (1 - 0.75 * depth[..., None]) + np.array(haze, np.float32) * 0.75 * depth[..., None]
        self.mix(body, inside)
        return outline

    def water(self, horizon, near, far, sun_u=None, sun_colour=(1.0, 0.8, 0.5), choppiness=0.16):
        """A sea with waves that grow towards the viewer, and the path of the sun on it."""
        depth = np.clip((self.v - horizon) / (1 - horizon), 0, 1)
        surface = np.array(far, np.float32) * (1 - depth[..., None]) + np.array(near, np.float32) * depth[..., None]
        # Perspective: sample one noise field at rows that crowd together at the horizon.
        field = self.noise(10, 120, 5, 0.6)
        rows = (np.clip(1 / (depth + 0.05), 0, 20) / 20 * (self.height - 1)).astype(int)
        waves = field[rows, self.x.astype(int)] - 0.5
        surface = surface * (1 + waves[..., None] * (choppiness + depth[..., None] * choppiness * 2) * 2)
        if sun_u is not None:
            path = np.exp(-((self.u - sun_u) / (0.02 + 0.10 * depth)) ** 2)
            glitter = np.clip((waves + 0.06) * 9, 0, 1) * path * (1 - 0.45 * depth)
            surface = surface + np.array(sun_colour, np.float32) * glitter[..., None]
        self.mix(surface, (self.v >= horizon).astype(np.float32))

    def reflect(self, horizon, strength=0.75, tint=(0.30, 0.42, 0.50)):
        """Still water below the horizon: the upper half upside down, rippled and tinted."""
        top = int(horizon * self.height)
        ripple = (self.noise(6, 160, 4, 0.6) - 0.5) * 34
        depth = np.clip((self.v - horizon) / (1 - horizon), 0, 1)
        rows = np.clip(2 * top - self.y + ripple * depth, 0, top - 1).astype(int)
        mirrored = self.pixels[rows, self.x.astype(int)]
        water = mirrored * strength + np.array(tint, np.float32) * (1 - strength)
        self.mix(water, (self.y >= top).astype(np.float32))

    def stars(self, count, horizon):
        """Points of different brightness above the horizon."""
        for _ in range(count):
            x, y = self.random.integers(2, self.width - 2), self.random.integers(2, int(horizon * self.height))
            brightness = self.random.random() ** 3
            self.pixels[y, x] += brightness
            self.pixels[y - 1 : y + 2, x - 1 : x + 2] += brightness * 0.22

    def shape(self, colour, *corners):
        """A filled convex polygon, corners in 0..1, clockwise: masts, towers, roofs."""
        inside = np.ones((self.height, self.width), np.float32)
        for (u1, v1), (u2, v2) in zip(corners, corners[1:] + corners[:1]):
            cross = (u2 - u1) * (self.v - v1) * self.height - (v2 - v1) * (self.u - u1) * self.height
            inside *= np.clip(cross * self.width / (np.hypot((u2 - u1) * self.width, (v2 - v1) * self.height) + 1e-6) + 0.5, 0, 1)
        self.mix(colour, inside)

    def develop(self, vignette=0.35):
        """Film: vignette, a soft shoulder in the highlights, grain."""
        falloff = 1 - vignette * ((self.u - 0.5) ** 2 + (self.v - 0.5) ** 2) * 1.6
        exposed = np.clip(self.pixels * falloff[..., None], 0, None)
        exposed = np.where(exposed > 0.8, 0.8 + 0.2 * (1 - np.exp(-(exposed - 0.8) / 0.2)), exposed)
        grain = self.random.normal(0, GRAIN, (self.height, self.width, 1)) + self.random.normal(0, GRAIN / 3, (self.height, self.width, 3))
        return Image.fromarray(np.clip(exposed * 255 + grain, 0, 255).astype(np.uint8))


def harbour():
    scene = Scene(1600, 1067, 11)
    scene.sky([(0, (0.17, 0.24, 0.42)), (0.30, (0.55, 0.45, 0.52)), (0.55, (0.98, 0.66, 0.40)), (1, (0.98, 0.7, 0.42))])
    scene.sun(0.63, 0.49, 0.017, (1.0, 0.55, 0.22), 0.55)
    scene.clouds((0.98, 0.62, 0.48), 0.02, 0.46, 0.52)
    scene.ridge(0.545, 0.075, (0.36, 0.27, 0.36), 3, 0.45, 0.05, (0.75, 0.5, 0.42))
    scene.water(0.57, (0.10, 0.12, 0.20), (0.80, 0.55, 0.42), 0.63)
    for u, v, size in [(0.16, 0.66, 1.5), (0.27, 0.615, 0.8), (0.42, 0.60, 0.55), (0.83, 0.635, 1.0), (0.90, 0.61, 0.7)]:
        hull = (0.07, 0.07, 0.10)
        scene.shape(hull, (u - 0.040 * size, v), (u + 0.040 * size, v), (u + 0.030 * size, v + 0.020 * size), (u - 0.032 * size, v + 0.020 * size))
        scene.shape(hull, (u - 0.0012, v - 0.17 * size), (u + 0.0012, v - 0.17 * size), (u + 0.0018, v), (u - 0.0018, v))
        scene.shape((0.13, 0.11, 0.14), (u + 0.002, v - 0.155 * size), (u + 0.028 * size, v - 0.012), (u + 0.002, v - 0.012))
    scene.shape((0.05, 0.05, 0.07), (0, 0.88), (0.46, 0.925), (0.52, 1), (0, 1))
    return scene.develop()


def lighthouse():
    # Taller than wide; the file holds it lying on its side, with the EXIF orientation that tells viewers to turn it.
    scene = Scene(1067, 1600, 12)
    scene.sky([(0, (0.26, 0.45, 0.72)), (0.45, (0.62, 0.76, 0.88)), (0.68, (0.92, 0.90, 0.84)), (1, (0.9, 0.9, 0.85))])
    scene.clouds((1.0, 0.99, 0.97), 0.04, 0.62, 0.50, 0.3, 2)
    scene.water(0.68, (0.07, 0.20, 0.28), (0.42, 0.58, 0.66), choppiness=0.13)
    scene.ridge(0.735, 0.05, (0.24, 0.29, 0.20), 3, 0.5, 0.10)
    bands = 7
    for band in range(bands):
        top, bottom = 0.36 + 0.34 * band / bands, 0.36 + 0.34 * (band + 1) / bands
        half = lambda v: 0.038 + (v - 0.36) * 0.075  # noqa: E731 -- the tower widens towards its foot
        colour = (0.93, 0.92, 0.89) if band % 2 else (0.72, 0.16, 0.13)
        scene.shape(colour, (0.60 - half(top), top), (0.60 + half(top), top), (0.60 + half(bottom), bottom), (0.60 - half(bottom), bottom))
        shade = tuple(c * 0.72 for c in colour)
        scene.shape(shade, (0.60 + half(top) * 0.3, top), (0.60 + half(top), top), (0.60 + half(bottom), bottom), (0.60 + half(bottom) * 0.3, bottom))
    scene.shape((0.16, 0.17, 0.19), (0.545, 0.352), (0.655, 0.352), (0.650, 0.362), (0.550, 0.362))
    scene.shape((1.0, 0.93, 0.66), (0.572, 0.315), (0.628, 0.315), (0.628, 0.352), (0.572, 0.352))
    scene.shape((0.55, 0.12, 0.10), (0.600, 0.288), (0.636, 0.316), (0.564, 0.316))
    scene.shape((0.86, 0.84, 0.79), (0.28, 0.645), (0.47, 0.645), (0.47, 0.705), (0.28, 0.705))
    scene.shape((0.42, 0.20, 0.15), (0.31, 0.612), (0.44, 0.612), (0.485, 0.648), (0.265, 0.648))
    scene.ridge(0.80, 0.07, (0.17, 0.21, 0.13), 3, 0.55, 0.16)
    return scene.develop()


def sea_sunrise():
    scene = Scene(1600, 1067, 13)
    scene.sky([(0, (0.10, 0.18, 0.40)), (0.35, (0.45, 0.42, 0.62)), (0.6, (1.0, 0.72, 0.55)), (1, (1.0, 0.75, 0.55))])
    scene.sun(0.34, 0.585, 0.026, (1.0, 0.45, 0.25), 0.75)
    scene.clouds((0.93, 0.52, 0.50), 0.05, 0.55, 0.48, 0.2, 6)
    scene.water(0.61, (0.06, 0.10, 0.22), (0.86, 0.58, 0.52), 0.34, (1.0, 0.62, 0.38))
    return scene.develop()


def dunes():
    scene = Scene(1600, 1200, 14)
    scene.sky([(0, (0.24, 0.47, 0.78)), (0.45, (0.72, 0.84, 0.93)), (1, (0.8, 0.88, 0.94))])
    scene.clouds((1, 1, 1), 0.03, 0.40, 0.46, 0.3, 3)
    scene.water(0.44, (0.16, 0.42, 0.50), (0.22, 0.46, 0.60), choppiness=0.1)
    for base, height, colour in [(0.53, 0.05, (0.78, 0.69, 0.52)), (0.64, 0.10, (0.84, 0.74, 0.55)), (0.82, 0.14, (0.88, 0.78, 0.58))]:
        scene.ridge(base, height, colour, 2, 0.32, 0.07)
    return scene.develop(0.25)


def peaks_sunrise():
    scene = Scene(1600, 1067, 23)
    scene.sky([(0, (0.16, 0.26, 0.50)), (0.35, (0.60, 0.55, 0.70)), (0.55, (1.0, 0.80, 0.58)), (1, (1.0, 0.8, 0.6))])
    scene.sun(0.71, 0.40, 0.020, (1.0, 0.6, 0.3), 0.7)
    scene.clouds((1.0, 0.76, 0.66), 0.0, 0.40, 0.45)
    layers = [(0.50, 0.20, (0.50, 0.42, 0.52)), (0.62, 0.16, (0.33, 0.28, 0.40)), (0.76, 0.14, (0.20, 0.18, 0.27)), (0.90, 0.10, (0.09, 0.09, 0.13))]
    for base, height, colour in layers:
        scene.ridge(base, height, colour, 3, 0.52, 0.07, tuple(min(c + 0.22, 1) for c in colour))
    return scene.develop()


def ridge():
    scene = Scene(1600, 1067, 21)
    scene.sky([(0, (0.40, 0.56, 0.74)), (0.5, (0.84, 0.87, 0.88)), (1, (0.88, 0.89, 0.88))])
    for step in range(7):
        near = step / 6
        colour = (0.62 - 0.54 * near, 0.70 - 0.56 * near, 0.77 - 0.62 * near)
        scene.ridge(0.36 + 0.095 * step, 0.17 - 0.05 * near, colour, 3 + step % 3, 0.5, 0.06, (0.80 - 0.5 * near, 0.84 - 0.5 * near, 0.87 - 0.55 * near))
    return scene.develop()


def lake():
    scene = Scene(1920, 1080, 22)
    scene.sky([(0, (0.20, 0.42, 0.72)), (0.5, (0.74, 0.85, 0.93)), (1, (0.74, 0.85, 0.93))])
    scene.clouds((1, 1, 1), 0.02, 0.40, 0.48, 0.3, 3)
    outline = scene.ridge(0.36, 0.30, (0.42, 0.44, 0.50), 3, 0.52, 0.16)
    # Snow on what is high, broken up by rock.
    height = np.clip((0.36 - scene.v) / 0.16, 0, 1) * (scene.v > outline[None, :])
    scene.mix((0.95, 0.96, 0.99), np.clip((scene.noise(30, 40, 5, 0.65) - 0.47) * 8, 0, 1) * np.clip(height * 2.5, 0, 1))
    scene.ridge(0.47, 0.06, (0.13, 0.22, 0.15), 6, 0.7, 0.12)
    scene.reflect(0.52)
    scene.ridge(0.985, 0.035, (0.20, 0.19, 0.15), 8, 0.6, 0.2)
    return scene.develop()


def aurora():
    scene = Scene(1600, 900, 24)
    scene.sky([(0, (0.01, 0.02, 0.07)), (0.75, (0.05, 0.12, 0.19)), (1, (0.06, 0.14, 0.2))])
    scene.stars(900, 0.8)
    for offset, colour, strength in [(0.0, (0.18, 0.95, 0.55), 0.62), (0.10, (0.25, 0.75, 0.62), 0.42), (-0.09, (0.55, 0.28, 0.75), 0.30)]:
        curtain = 0.52 + offset + 0.16 * scene.line(3, 3, 0.5)
        rays = 0.45 + 0.55 * np.clip(scene.line(30, 4, 0.7) + 0.5, 0, 1)
        above = np.clip(curtain[None, :] - scene.v, 0, None)
        light = np.where(scene.v < curtain[None, :], np.exp(-above / 0.16), np.exp(-(scene.v - curtain[None, :]) / 0.018))
        scene.pixels += np.array(colour, np.float32) * (light * rays[None, :] * strength)[..., None]
    scene.ridge(0.80, 0.10, (0.018, 0.03, 0.045), 4, 0.55, 0.05)
    scene.reflect(0.87, 0.6, (0.01, 0.03, 0.05))
    return scene.develop(0.5)


def desert():
    scene = Scene(1400, 1050, 25)
    scene.sky([(0, (0.33, 0.42, 0.64)), (0.42, (0.96, 0.80, 0.62)), (1, (0.96, 0.8, 0.62))])
    scene.sun(0.22, 0.30, 0.020, (1.0, 0.7, 0.4), 0.45)
    scene.ridge(0.42, 0.05, (0.62, 0.42, 0.40), 5, 0.3, 0.04, (0.86, 0.64, 0.52))
    for base, height, colour in [(0.52, 0.07, (0.80, 0.48, 0.30)), (0.66, 0.12, (0.74, 0.40, 0.23)), (0.86, 0.16, (0.62, 0.31, 0.17))]:
        scene.ridge(base, height, colour, 2, 0.3, 0.08, tuple(c * 0.72 for c in colour))
    return scene.develop()


def survey_map():
    """A drawing, not a photograph: contour lines of a made-up island, in a palette, as PNG."""
    scene = Scene(1200, 800, 15)
    island = np.clip(1.25 - 2.2 * np.hypot((scene.u - 0.5) * 1.15, scene.v - 0.5), 0, None)
    height = scene.noise(4, 3, 6, 0.5) * island
    land = height > 0.30
    scene.mix((0.72, 0.84, 0.90), np.ones_like(height))
    for level, colour in enumerate([(0.86, 0.90, 0.76), (0.80, 0.86, 0.66), (0.86, 0.82, 0.62), (0.80, 0.70, 0.52), (0.93, 0.92, 0.90)]):
        scene.mix(colour, (height > 0.30 + 0.09 * level).astype(np.float32))
    steps = np.floor(height * 40)
    edges = (steps != np.roll(steps, 1, 0)) | (steps != np.roll(steps, 1, 1))
    scene.mix((0.52, 0.40, 0.28), (edges & land).astype(np.float32) * 0.7)
    scene.mix((0.45, 0.62, 0.74), (edges & ~land & (height > 0.16)).astype(np.float32) * 0.5)
    for at in range(100, 1200, 100):
        scene.pixels[:, at] *= 0.93
    for at in range(100, 800, 100):
        scene.pixels[at, :] *= 0.93
    return Image.fromarray((np.clip(scene.pixels, 0, 1) * 255).astype(np.uint8)).quantize(48, dither=Image.Dither.NONE)


def save(image, path, orientation=None):
    path = HERE / path
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".png":
        image.save(path, optimize=True)
    else:
        exif = Image.Exif()
        exif[0x010E] = path.stem  # ImageDescription
        if orientation == 6:
            # "Turn me clockwise": the stored picture lies on its left side.
            image = image.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = orientation
        image.save(path, quality=80, optimize=True, progressive=path.stem == "lake", exif=exif)
    print(f"{path.relative_to(HERE)}: {image.width}x{image.height}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    save(harbour(), "acme/harbour.jpg")
    save(lighthouse(), "acme/lighthouse.jpg", orientation=6)
    save(sea_sunrise(), "acme/sunrise.jpg")
    save(dunes(), "acme/dunes.jpg")
    save(survey_map(), "acme/map.png")
    save(ridge(), "globex/ridge.jpg")
    save(lake(), "globex/lake.jpg")
    save(aurora(), "globex/aurora.jpg")
    save(desert(), "globex/desert.jpg")
    save(peaks_sunrise(), "globex/sunrise.jpg")
