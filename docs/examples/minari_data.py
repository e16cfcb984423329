"""Records what TVFS does as a data set for offline learning (needs minari[create,hdf5])."""

import gymnasium
import minari
from minari import DataCollector

import tvfs_gym  # noqa: F401
from tvfs_gym import baselines


def main(episodes: int = 10, name: str = "tvfs_gym/odroid_xu4/tvfs-v0") -> minari.MinariDataset:
    """Records whole episodes, every one on another unit of the board in another room.

    Args:
        episodes: Their number.
        name: Identity of the data set; Minari keeps it under ``~/.minari``.

    Returns:
        The data set.
    """
    board = gymnasium.make("tvfs_gym/OdroidXU4-v1", randomise=True)
    controller, env = baselines.make("tvfs", board), DataCollector(board)
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        state, ended = None, False
        while not ended:
            action, state = controller.predict(observation, state)
            observation, _, terminated, truncated, _ = env.step(int(action))
            ended = terminated or truncated
    data = env.create_dataset(
        dataset_id=name, eval_env=board.spec, algorithm_name="tvfs", code_permalink="tvfs-gym",
        author="tvfs-gym", author_email="none",
        description="TVFS on digital twins of the Odroid-XU4.",
    )  # fmt: skip
    print(f"{data.total_episodes} episodes, {data.total_steps} steps")
    return data


if __name__ == "__main__":
    main()
