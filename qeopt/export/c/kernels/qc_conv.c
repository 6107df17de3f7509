/* Convolutions of any window, stride, padding, dilation and groups, one output position after the other; dense layers are such of one
 * position. */
#include "qc_core.h"

/* What is read at one position: `rows` times `taps` runs of `count` values, with steps between them; turns lead from the last tap of
 * a row to the first of the next. All of these count bytes where runs begin at one, else values. */
typedef struct {
  uint32_t value, weight, rows, taps, count, tap_step, row_step, row_turn, group_step, weight_tap_step, weight_row_step,
      weight_row_turn, size;
} runs_t;

static runs_t runs_of(const qc_layer *layer, uint32_t bits, uint32_t weight_bits) {
  const uint32_t inputs = layer->channels_in / layer->groups;
  runs_t runs;
  memset(&runs, 0, sizeof runs);
  runs.tap_step = layer->dilation_width * layer->channels_in * bits >> 3;
  runs.row_step = layer->dilation_height * layer->width_in * layer->channels_in * bits >> 3;
  runs.group_step = inputs * bits >> 3;
  runs.weight_tap_step = inputs * weight_bits >> 3;
  runs.weight_row_step = layer->kernel_width * runs.weight_tap_step;
  runs.size = layer->kernel_height * runs.weight_row_step;
  return runs;
}

static void turn_to(runs_t *runs, const qc_layer *layer, const qc_span *rows, uint32_t x) {
  const qc_span taps = qc_columns(layer, x);
  const uint32_t inputs = layer->channels_in / layer->groups, count = taps.to - taps.from;
  runs->value = rows->at * (runs->row_step / layer->dilation_height) + taps.at * (runs->tap_step / layer->dilation_width);
  runs->weight = rows->from * runs->weight_row_step + taps.from * runs->weight_tap_step;
  runs->rows = count ? rows->to - rows->from : 0;
  runs->taps = layer->is_joined ? 1 : count;
  runs->count = layer->is_joined ? count * inputs : inputs;
  runs->row_turn = runs->row_step - (runs->taps - 1) * runs->tap_step;
  runs->weight_row_turn = runs->weight_row_step - (runs->taps - 1) * runs->weight_tap_step;
}

/* Adds to the sums of four channels, or of one where `apart` is zero. */
static void sums_of(const qc_layer *layer, const runs_t *runs, const uint8_t *values, const uint8_t *weights, uint32_t apart,
                              int32_t *sums) {
  qc_dots *const dots = layer->by.dots;
  const uint32_t is_signed = layer->in.is_signed;
  uint32_t rows = runs->rows, taps = runs->taps;
  if (rows == 0) return;
  for (;;) {
    dots(values, weights, apart, runs->count, is_signed, sums);
    if (--taps) {
      values += runs->tap_step;
      weights += runs->weight_tap_step;
    } else if (--rows) {
      taps = runs->taps;
      values += runs->row_turn;
      weights += runs->weight_row_turn;
    } else {
      return;
    }
  }
}

static int32_t slow_sum(const qc_layer *layer, const runs_t *runs, const uint8_t *values) {
  uint32_t row, tap, i;
  int32_t sum = 0;
  for (row = 0; row < runs->rows; row++)
    for (tap = 0; tap < runs->taps; tap++) {
      const uint32_t value = runs->value + row * runs->row_step + tap * runs->tap_step;
      const uint32_t weight = runs->weight + row * runs->weight_row_step + tap * runs->weight_tap_step;
      for (i = 0; i < runs->count; i++)
        sum += qc_of(&layer->in, values, value + i) * qc_get(layer->weights, weight + i, layer->weight_bits, 1);
    }
  return sum;
}

/* The output channels of one group, four a pass. */
static void group_of(const qc_layer *layer, const runs_t *runs, const uint8_t *values, qc_writer *writer, uint32_t channel,
                     uint32_t outputs) {
  const uint8_t *weights = layer->weights + runs->weight;
  const uint32_t size = runs->size, less = QC_LESS(layer), end = channel + outputs;
  values += runs->value;
  for (; channel + 4 <= end; channel += 4, weights += 4 * size) {
    int32_t sums[4] = {0, 0, 0, 0};
    sums_of(layer, runs, values, weights, size, sums);
    qc_outputs(layer, writer, channel, sums, 4, less);
  }
  for (; channel < end; channel++, weights += size) { /* four times the same */
    int32_t sums[4] = {0, 0, 0, 0};
    sums_of(layer, runs, values, weights, 0, sums);
    qc_outputs(layer, writer, channel, sums, 1, less);
  }
}

void qc_conv(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *in = qc_at(&layer->in, memory);
  const uint32_t is_fast = layer->by.dots != 0, outputs = (uint32_t)(layer->channels / layer->groups);
  qc_writer writer = qc_write_to(&layer->out, memory);
  runs_t runs = runs_of(layer, is_fast ? layer->in.bits : 8, is_fast ? layer->weight_bits : 8);
  uint32_t y, x, channel, i;
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    for (x = 0; x < layer->width; x++) {
      turn_to(&runs, layer, &rows, x);
      for (channel = 0; channel < layer->channels; channel += outputs, runs.value += runs.group_step) {
        if (is_fast) {
          group_of(layer, &runs, in, &writer, channel, outputs);
          runs.weight += outputs * runs.size;
        } else {
          for (i = 0; i < outputs; i++, runs.weight += runs.size) {
            const int32_t sum = slow_sum(layer, &runs, in);
            qc_outputs(layer, &writer, channel + i, &sum, 1, 0);
          }
        }
      }
    }
  }
  qc_end(&writer);
}
