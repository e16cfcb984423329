/* The twin's step for back-to-back frames, no fan and no firmware throttling, in plain C: what the
 * compiled Python is measured against. Columns of the arrays are macros, given by the one that
 * compiles this: those of tvfs_gym.envs.physics.arrays and .summary; equations as in
 * tvfs_gym.envs.physics. */

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  double *state, *modes, *trip_state, *window;
  const double *parameters, *network, *trips, *levels, *topologies, *jitters;
  int64_t mode_count, trip_count, level_count;
} Board;

static inline uint32_t rotated(uint32_t word, int bits) {
  return (word << bits) | (word >> (32 - bits));
}

/* Threefry-2x32, 13 rounds. */
static inline void threefry(uint32_t key_0, uint32_t key_1, uint32_t *x, uint32_t *y) {
  static const int rotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t keys[3] = {key_0, key_1, 0x1BD11BDA ^ key_0 ^ key_1};
  *x += keys[0];
  *y += keys[1];
  for (int round = 0; round < 13; round++) {
    *x += *y;
    *y = rotated(*y, rotations[round % 8]) ^ *x;
    if (round % 4 == 3) {
      const int injection = round / 4 + 1;
      *x += keys[injection % 3];
      *y += keys[(injection + 1) % 3] + injection;
    }
  }
}

static inline double die_c(const Board *b) {
  double sum = 0.0;
  for (int64_t k = 0; k < b->mode_count; k++) sum += b->modes[k];
  return sum;
}

static inline double reading_c(const Board *b) {
  const double resolution_c = b->parameters[SENSOR_RESOLUTION_C];
  return floor(die_c(b) / resolution_c + 0.5) * resolution_c;
}

static inline void heat(Board *b) {
  const double *p = b->parameters;
  double *s = b->state, *w = b->window;
  const double duration_s = s[TIME_S] - s[HEATED_S];
  if (duration_s <= 0.0) return;
  const double ghz = b->levels[2 * (int64_t)s[CLOCK_LEVEL]];
  const double volt = b->levels[2 * (int64_t)s[CLOCK_LEVEL] + 1];
  const double activity = b->topologies[2 * (int64_t)s[TOPOLOGY] + ACTIVITY];
  const double before_c = die_c(b), kelvin = before_c + 273.15;
  const double nf = p[CLUSTER_NF] + p[THREADS] * activity * p[THREAD_NF];
  const double subthreshold_a = p[LEAKAGE_C1_A_K2] * kelvin * kelvin * exp(-p[LEAKAGE_C2_K] / kelvin);
  const double power_w =
      nf * volt * volt * ghz + volt * (subthreshold_a + p[LEAKAGE_GATE_A]) + p[REST_W];
  double integral_c_s = 0.0;
  for (int64_t k = 0; k < b->mode_count; k++) {
    const double *row = b->network + k * (3 + 2 * b->mode_count);
    const double settled = row[1] * p[AMBIENT_C] + row[2] * power_w;
    const double before = b->modes[k];
    const double after = settled + (before - settled) * exp(-row[0] * duration_s);
    integral_c_s += settled * duration_s - (after - before) / row[0];
    b->modes[k] = after;
  }
  const double after_c = die_c(b);
  const double hottest_c = fmax(before_c, after_c), limit_c = p[T_MAX_C];
  s[HEATED_S] = s[TIME_S];
  w[W_ENERGY_J] += power_w * duration_s;
  w[W_TEMPERATURE_MEAN_C] += integral_c_s;
  w[W_TEMPERATURE_MAX_C] = fmax(w[W_TEMPERATURE_MAX_C], after_c);
  w[W_FREQUENCY_MEAN_HZ] += 1e9 * ghz * duration_s;
  if (fmin(before_c, after_c) >= limit_c)
    w[W_TIME_ABOVE_T_MAX_S] += duration_s;
  else if (hottest_c > limit_c)
    w[W_TIME_ABOVE_T_MAX_S] += duration_s * (hottest_c - limit_c) / fabs(after_c - before_c);
  if (s[CLOCK_LEVEL] < s[REQUESTED_LEVEL]) w[W_THROTTLED_S] += duration_s;
  if (after_c >= p[CRITICAL_C]) w[W_SHUT_DOWN] = 1.0;
}

static inline void set_clock(Board *b) {
  double *s = b->state;
  const double clock = fmin(s[REQUESTED_LEVEL], b->level_count - 1 - s[COOLING_STATE]);
  if (clock != s[CLOCK_LEVEL]) {
    s[CLOCK_LEVEL] = clock;
    s[TIME_S] += b->parameters[SWITCH_S];
    b->window[W_VF_SWITCHES] += 1.0;
  }
}

static inline double clamped(double state, double lower, double upper) {
  return fmin(fmax(state, lower), upper);
}

static inline void poll(Board *b) {
  double *s = b->state;
  const double now_c = reading_c(b), previous_c = s[POLLED_C];
  const int hysteresis = b->parameters[HONOURS_HYSTERESIS] > 0.0;
  double highest = 0.0;
  for (int64_t i = 0; i < b->trip_count; i++) {
    const double *trip = b->trips + 4 * i;
    double *target = b->trip_state + 2 * i, *crossed = target + 1;
    const int throttle = now_c >= trip[0] - (hysteresis && *crossed > 0.0 ? trip[1] : 0.0);
    *crossed = throttle;
    if (previous_c == -1000.0)
      *target = throttle ? clamped(s[COOLING_STATE] + 1.0, trip[2], trip[3]) : -1.0;
    else if (throttle && now_c > previous_c)
      *target = clamped(s[COOLING_STATE] + 1.0, trip[2], trip[3]);
    else if (!throttle && now_c < previous_c)
      *target = hysteresis || s[COOLING_STATE] <= trip[2]
                    ? -1.0
                    : clamped(s[COOLING_STATE] - 1.0, trip[2], trip[3]);
    highest = fmax(highest, *target);
  }
  s[COOLING_STATE] = highest;
  s[POLLED_C] = now_c;
  s[NEXT_POLL_S] += b->parameters[POLL_S];
  set_clock(b);
}

static inline double median_pass_s(const Board *b) {
  const double *p = b->parameters;
  const double ghz = b->levels[2 * (int64_t)b->state[CLOCK_LEVEL]];
  const double relative = b->topologies[2 * (int64_t)b->state[TOPOLOGY] + RELATIVE_LATENCY];
  return p[SLOWDOWN] * (relative * (p[CLOCK_GCYCLES] / ghz + p[MEMORY_S]));
}

static inline void answer(Board *b, const float *outcomes, int64_t images, int64_t views,
                          double *row) {
  const double *p = b->parameters;
  double *s = b->state;
  const uint32_t key_0 = s[KEY_0], key_1 = s[KEY_1], frame = s[FRAME];
  uint32_t x = frame, y = 0, block = 0;
  threefry(key_0, key_1, &x, &y);
  const int64_t image = ((x >> 10) * (uint64_t)images) >> 22;
  const float *seen = outcomes + ((int64_t)s[TOPOLOGY] * images + image) * views * 2;
  uint64_t bits = (x & 0x3FF) | (uint64_t)(y & 0x3FFFFFFF) << 10;
  const double start_s = s[TIME_S];
  double median_s = median_pass_s(b);
  int left = 4;
  int64_t passes = 0;
  double time_s = start_s, confidence;
  do {
    if (left == 0) {
      x = frame;
      y = ++block;
      threefry(key_0, key_1, &x, &y);
      bits = (x & 0x3FFFFFFF) | (uint64_t)(y & 0x3FFFFFFF) << 30;
      left = 6;
    }
    double left_s = b->jitters[bits & 0x3FF] * median_s;
    bits >>= 10;
    left--;
    while (time_s + left_s >= s[NEXT_POLL_S]) {
      const double until_s = fmax(s[NEXT_POLL_S] - time_s, 0.0);
      const double share_left = 1.0 - until_s / left_s;
      s[TIME_S] = time_s + until_s;
      heat(b);
      poll(b);
      const double slower = median_pass_s(b) / median_s;
      median_s *= slower;
      left_s *= share_left * slower;
      time_s = s[TIME_S];
    }
    time_s += left_s;
    confidence = seen[2 * passes];
    passes++;
  } while (confidence < p[TAU] && passes < (int64_t)s[MAX_PASSES] &&
           time_s - start_s + p[EXPECTED_PASS_FACTOR] * median_s <= p[DEADLINE_S]);
  s[TIME_S] = time_s;
  if (die_c(b) > p[CRITICAL_C] - CLOSE_K) heat(b);
  if (b->window[W_SHUT_DOWN] > 0.0) return;
  row[FRAME_LATENCY_S] = time_s - start_s;
  row[FRAME_PASSES] = passes;
  row[FRAME_CONFIDENCE] = confidence;
  row[FRAME_CORRECT] = seen[2 * passes - 1];
  row[FRAME_ON_TIME] = row[FRAME_LATENCY_S] <= p[LATENCY_CONSTRAINT_S];
  s[FRAME] += 1.0;
}

static inline void summarise(Board *b, double *rows, int64_t frames, double began_s, double began_c) {
  const double *p = b->parameters;
  double *s = b->state, *w = b->window;
  const double duration_s = s[TIME_S] - began_s, end_c = reading_c(b);
  int64_t answered = 0;
  for (; answered < frames && !isnan(rows[answered * FRAME_SIZE]); answered++) {
    const double *row = rows + answered * FRAME_SIZE;
    w[W_LATE_FRAMES] += 1.0 - row[FRAME_ON_TIME];
    w[W_CORRECT_FRAMES] += row[FRAME_CORRECT];
    w[W_ON_TIME_CORRECT_FRAMES] += row[FRAME_CORRECT] * row[FRAME_ON_TIME];
    w[W_LATENCY_MEAN_S] += row[FRAME_LATENCY_S];
    w[W_LATENCY_MAX_S] = fmax(w[W_LATENCY_MAX_S], row[FRAME_LATENCY_S]);
    w[W_PASSES_MEAN] += row[FRAME_PASSES];
    w[W_CONFIDENCE_MEAN] += row[FRAME_CONFIDENCE];
  }
  if (answered > 0) {
    w[W_LATENCY_MEAN_S] /= answered;
    w[W_PASSES_MEAN] /= answered;
    w[W_CONFIDENCE_MEAN] /= answered;
  }
  s[ENERGY_J] += w[W_ENERGY_J];
  w[W_LATE_FRAMES] += frames - answered;
  w[W_FRAMES] = frames;
  w[W_TIME_S] = s[TIME_S];
  w[W_DURATION_S] = duration_s;
  w[W_TEMPERATURE_C] = end_c;
  w[W_TEMPERATURE_RATE_C_S] = (end_c - began_c) / duration_s;
  w[W_TEMPERATURE_MEAN_C] /= duration_s;
  w[W_TEMPERATURE_MAX_C] = fmax(w[W_TEMPERATURE_MAX_C], w[W_TEMPERATURE_MEAN_C]);
  w[W_TIME_ABOVE_T_MAX_S] = fmin(w[W_TIME_ABOVE_T_MAX_S], duration_s);
  w[W_FREQUENCY_MEAN_HZ] /= duration_s;
  w[W_FREQUENCY_HZ] = 1e9 * b->levels[2 * (int64_t)s[CLOCK_LEVEL]];
  w[W_VF_LEVEL] = s[CLOCK_LEVEL];
  w[W_CAP_LEVEL] = b->level_count - 1 - s[COOLING_STATE];
  w[W_TOPOLOGY] = s[TOPOLOGY];
  w[W_LATENCY_CONSTRAINT_S] = p[LATENCY_CONSTRAINT_S];
  w[W_T_MAX_C] = p[T_MAX_C];
  w[W_COST_TEMPERATURE] = w[W_TIME_ABOVE_T_MAX_S] / duration_s;
  w[W_COST_DEADLINE] = w[W_LATE_FRAMES] / w[W_FRAMES];
  w[W_COST] = w[W_COST_TEMPERATURE] + w[W_COST_DEADLINE];
}

/* Sizes: boards, frames, images, views, modes, trips, levels. The actions stand in the states. */
void step_boards(const int64_t *sizes, double *states, const double *parameters,
                 const double *networks, const double *trips, const double *levels,
                 const double *topologies, const float *outcomes, const double *jitters,
                 double *answers, double *windows) {
  const int64_t frames = sizes[1], modes = sizes[4], trip_count = sizes[5];
  const int64_t state_size = STATE_SIZE + 2 * modes + 2 * trip_count;
  for (int64_t i = 0; i < sizes[0]; i++) {
    double *state = states + i * state_size, *window = windows + i * WINDOW_SIZE;
    double *rows = answers + i * frames * FRAME_SIZE;
    Board b = {state,
               state + STATE_SIZE,
               state + STATE_SIZE + 2 * modes,
               window,
               parameters + i * PARAMETERS_SIZE,
               networks + i * modes * (3 + 2 * modes),
               trips + i * trip_count * 4,
               levels,
               topologies,
               jitters,
               modes,
               trip_count,
               sizes[6]};
    memset(window, 0, WINDOW_SIZE * sizeof(double));
    const double began_s = state[TIME_S], began_c = reading_c(&b);
    window[W_TEMPERATURE_MAX_C] = die_c(&b);
    set_clock(&b);
    for (int64_t row = 0; row < frames; row++) {
      rows[row * FRAME_SIZE] = NAN;
      if (window[W_SHUT_DOWN] == 0.0)
        answer(&b, outcomes, sizes[2], sizes[3], rows + row * FRAME_SIZE);
    }
    heat(&b);
    summarise(&b, rows, frames, began_s, began_c);
  }
}
