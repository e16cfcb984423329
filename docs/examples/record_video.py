"""Films an episode of a controller with Gymnasium's RecordVideo (needs moviepy)."""

import gymnasium
from gymnasium.wrappers import RecordVideo

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines


def main(folder: str = "results/video", frames: int = 1_000) -> None:
    """Writes ``folder/rl-video-episode-0.mp4``.

    Args:
        folder: Folder of the film.
        frames: Frames that the board answers, ten per picture.
    """
    hot = {"ambient_c": 40.0, "frames": frames}
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1", scenario=hot, render_mode="rgb_array")
    controller = baselines.make("tvfs", env)
    with RecordVideo(env, folder) as film:
        observation, _ = film.reset(seed=0)
        state, ended = None, False
        while not ended:
            action, state = controller.predict(observation, state)
            observation, _, terminated, truncated, _ = film.step(action)
            ended = terminated or truncated
    print(f"{folder}/rl-video-episode-0.mp4")


if __name__ == "__main__":
    main()
