"""AdapTTA's stopping rule, shared by the live classifier and the twin."""

from tvfs_gym.envs.jit import jit


@jit
def wants_another_pass(
    confidence: float,
    passes: int,
    max_passes: int,
    tau: float,
    elapsed_s: float,
    expected_pass_s: float,
    deadline_s: float,
) -> bool:
    """Decides after each pass whether the frame gets another one.

    AdapTTA stops when the confidence of the running consensus reaches tau, or after the policy's
    last view (R. G. Rizzo, IWES 2021: tau = 0.8). Deadline-awareness is ours: a pass that would
    end after the deadline is never started; an infinite deadline turns it off.

    Args:
        confidence: Confidence of the running consensus.
        passes: Passes spent on this frame so far.
        max_passes: Views of the policy.
        tau: Confidence threshold; above 1 it is never reached (static test-time augmentation).
        elapsed_s: Seconds since the frame's start.
        expected_pass_s: Seconds the next pass is expected to take at most.
        deadline_s: Seconds after the frame's start by which the answer is wanted.
    """
    return confidence < tau and passes < max_passes and elapsed_s + expected_pass_s <= deadline_s
