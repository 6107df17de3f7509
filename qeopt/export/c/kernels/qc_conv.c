/* Convolutions of any window, stride, padding, dilation and groups, one output position after the other; dense layers are such of one
 * position. */
#include "qc_core.h"

/* What is read at one position: `rows` times `taps` runs of values, with steps between them; turns lead from the last tap of a row to the
 * first of the next. All of these count bytes where runs begin at one, else values. */
typedef struct {
  uint32_t inputs, pixel, line, tap_step, row_step, group_step, weight_tap_step, weight_row_step, size;
  uint32_t is_point, value, weight, rows, taps, row_turn, weight_row_turn;
  qc_run run;
} runs_t;

static void begin(runs_t *runs, const qc_layer *layer, uint32_t bits, uint32_t weight_bits) {
  runs->inputs = layer->channels_in / layer->groups;
  runs->pixel = layer->channels_in * bits >> 3;
  runs->line = layer->width_in * runs->pixel;
  runs->tap_step = layer->dilation_width * runs->pixel;
  runs->row_step = layer->dilation_height * runs->line;
  runs->group_step = runs->inputs * bits >> 3;
  runs->weight_tap_step = runs->inputs * weight_bits >> 3;
  runs->weight_row_step = layer->kernel_width * runs->weight_tap_step;
  runs->size = layer->kernel_height * runs->weight_row_step;
  runs->run.is_signed = layer->in.is_signed;
  runs->is_point = layer->kernel_height == 1 && layer->kernel_width == 1 && layer->top == 0 && layer->left == 0;
}

static void turn_to(runs_t *runs, const qc_layer *layer, const qc_span *rows, uint32_t x) {
  const qc_span taps = qc_columns(layer, x);
  const uint32_t count = taps.to - taps.from;
  runs->value = rows->at * runs->line + taps.at * runs->pixel;
  runs->weight = rows->from * runs->weight_row_step + taps.from * runs->weight_tap_step;
  runs->rows = count ? rows->to - rows->from : 0;
  runs->taps = layer->is_joined ? 1 : count;
  runs->run.count = layer->is_joined ? count * runs->inputs : runs->inputs;
  runs->row_turn = runs->row_step - (runs->taps - 1) * runs->tap_step;
  runs->weight_row_turn = runs->weight_row_step - (runs->taps - 1) * runs->weight_tap_step;
}

/* Adds to the sums of four times `run.passes` channels. */
static void sums_of(const qc_layer *layer, const runs_t *runs, const uint8_t *values, const uint8_t *weights, int32_t *sums) {
  uint32_t rows = runs->rows, taps = runs->taps;
  if (rows == 0) return;
  for (;;) {
    layer->by.dots(values, weights, &runs->run, sums);
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

/* The output channels of one group, up to QC_TOGETHER a pass. */
static void group_of(const qc_layer *layer, runs_t *runs, const uint8_t *values, const uint8_t *weights, qc_writer *writer,
                     uint32_t channel, uint32_t outputs) {
  const uint32_t less = QC_LESS(layer);
  int32_t sums[QC_TOGETHER];
  uint32_t count, i;
  for (; outputs; outputs -= count, channel += count) {
    if (outputs >= 4) {
      count = outputs >= QC_TOGETHER ? QC_TOGETHER : outputs & ~3u;
      runs->run.passes = count >> 2;
      runs->run.apart = runs->size;
    } else { /* the last ones are computed one by one, each four times */
      count = runs->run.passes = 1;
      runs->run.apart = 0;
    }
    for (i = 0; i < count; i += 4) sums[i] = sums[i + 1] = sums[i + 2] = sums[i + 3] = 0;
    sums_of(layer, runs, values, weights, sums);
    qc_outputs(layer, writer, channel, sums, count, less);
    weights += count * runs->size;
  }
}

static int32_t slow_sum(const qc_layer *layer, const runs_t *runs, const uint8_t *values, uint32_t value, uint32_t weight) {
  uint32_t row, tap, i;
  int32_t sum = 0;
  for (row = 0; row < runs->rows; row++)
    for (tap = 0; tap < runs->taps; tap++) {
      const uint32_t at = value + row * runs->row_step + tap * runs->tap_step;
      const uint32_t by = weight + row * runs->weight_row_step + tap * runs->weight_tap_step;
      for (i = 0; i < runs->run.count; i++)
        sum += qc_of(&layer->in, values, at + i) * qc_get(layer->weights, by + i, layer->weight_bits, 1);
    }
  return sum;
}

static void position(const qc_layer *layer, runs_t *runs, const uint8_t *values, qc_writer *writer) {
  const uint32_t outputs = (uint32_t)(layer->channels / layer->groups);
  uint32_t channel, i, value = runs->value, weight = runs->weight;
  for (channel = 0; channel < layer->channels; channel += outputs, value += runs->group_step, weight += outputs * runs->size) {
    if (layer->by.dots) {
      group_of(layer, runs, values + value, layer->weights + weight, writer, channel, outputs);
      continue;
    }
    for (i = 0; i < outputs; i++) {
      const int32_t sum = slow_sum(layer, runs, values, value, weight + i * runs->size);
      qc_outputs(layer, writer, channel + i, &sum, 1, 0);
    }
  }
}

void qc_conv(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t y, x;
  runs_t runs;
  begin(&runs, layer, layer->by.dots ? layer->in.bits : 8, layer->by.dots ? layer->weight_bits : 8);
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    for (x = 0; x < layer->width; x++) {
      if (x && runs.is_point) runs.value += layer->stride_width * runs.pixel;
      else turn_to(&runs, layer, &rows, x);
      position(layer, &runs, values, &writer);
    }
  }
  qc_end(&writer);
}
