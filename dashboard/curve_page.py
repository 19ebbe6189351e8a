"""The learning curve of a training as a self-contained page, which needs neither a network nor a server."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.plotly_page import page_of
from nas.exports.config import ExportedConfig
from nas.exports.training import TrainingResult
from nas.results.metric import metric_label

ACCURACY = "#0b6e99"
LOSS = "#c2571a"


def render(config: ExportedConfig, result: TrainingResult) -> str:
    """Render an HTML page: validation accuracy and training loss by epoch, with the test accuracy in the title."""
    measure = metric_label(result.settings)
    epochs = [point.epoch for point in result.curve]
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    accuracies = [point.accuracy for point in result.curve]
    # Without held-out pictures there is no validation accuracy.
    if any(accuracy is not None for accuracy in accuracies):
        figure.add_trace(
            go.Scatter(x=epochs, y=accuracies, name=f"validation {measure}", line={"color": ACCURACY}),
            secondary_y=False,
        )
    losses = [point.loss for point in result.curve]
    figure.add_trace(go.Scatter(x=epochs, y=losses, name="training loss", line={"color": LOSS}), secondary_y=True)
    title = f"{config.architecture.layout} on {result.settings['dataset']}: test {measure} {result.test_accuracy:.2%}"
    figure.update_layout(title=title, template="plotly_white", hovermode="x unified")
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title=f"validation {measure}", tickformat=".1%", secondary_y=False)
    figure.update_yaxes(title="training loss", secondary_y=True, showgrid=False)
    return page_of(figure, title)
