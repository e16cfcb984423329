"""Trains an actor-critic in one visible loop, in CleanRL's manner, on a native batch of twins."""

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

import tvfs_gym  # noqa: F401

LEARNING_RATE, GAMMA, LAMBDA, ENTROPY, LENGTH = 1e-3, 0.95, 0.9, 0.01, 16


def main(updates: int = 200, num_envs: int = 256) -> list[float]:
    """Trains; returns the mean reward of every update's steps, 0..1."""
    torch.manual_seed(0)
    envs = gymnasium.make_vec("tvfs_gym/OdroidXU4-v1", num_envs, photographs="design")
    actions_n = int(envs.single_action_space.n)
    body = nn.Sequential(nn.Linear(13, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
    actor, critic = nn.Linear(64, actions_n), nn.Linear(64, 1)
    parameters = [*body.parameters(), *actor.parameters(), *critic.parameters()]
    optimiser = torch.optim.Adam(parameters, LEARNING_RATE)
    seen, means = torch.as_tensor(envs.reset(seed=0)[0]), []
    over = np.zeros(num_envs, bool)
    for _ in range(updates):
        log_p, values, entropies, rewards, going, valid = [], [], [], [], [], []
        for _ in range(LENGTH):
            features = body(seen)
            choice = Categorical(logits=actor(features))
            action = choice.sample()
            observation, reward, terminated, truncated, _ = envs.step(action.numpy())
            valid.append(torch.as_tensor(~over))  # a step after an episode's last only resets
            over = terminated | truncated
            log_p.append(choice.log_prob(action))
            values.append(critic(features)[:, 0])
            entropies.append(choice.entropy())
            rewards.append(torch.as_tensor(reward, dtype=torch.float32))
            going.append(torch.as_tensor(~over))
            seen = torch.as_tensor(observation)
        advantage, after, loss = torch.zeros(num_envs), critic(body(seen))[:, 0].detach(), 0.0
        for t in reversed(range(LENGTH)):
            delta = rewards[t] + GAMMA * after * going[t] - values[t].detach()
            advantage, after = delta + GAMMA * LAMBDA * going[t] * advantage, values[t].detach()
            policy = -log_p[t] * advantage - ENTROPY * entropies[t]
            error = (values[t] - advantage - after) ** 2
            loss = loss + ((policy + 0.5 * error) * valid[t]).mean() / LENGTH
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        means.append(float(torch.stack(rewards).mean()))
        print(f"{means[-1]:.3f}")
    return means


if __name__ == "__main__":
    main()
